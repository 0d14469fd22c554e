output "async_endpoints" {
  description = "Endpoints by the name that commands use (async-endpoint invoke ENV/NAME)."
  value       = { text-embeddings = module.text_embeddings.async_endpoint }
}
