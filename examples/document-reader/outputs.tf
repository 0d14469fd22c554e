output "async_endpoints" {
  description = "Endpoints by the name that commands use (async-endpoint invoke ENV/NAME)."
  value       = { document-reader = module.document_reader.async_endpoint }
}
