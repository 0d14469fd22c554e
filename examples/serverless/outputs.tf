output "endpoint_name" {
  description = "The serverless endpoint."
  value       = module.endpoint.name
}
