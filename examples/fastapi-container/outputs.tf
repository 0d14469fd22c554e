output "async_endpoints" {
  description = "All that a client needs (scripts/async_endpoint/core/outputs.py), by the name of the endpoint."
  value       = { fastapi = module.async_inference.async_endpoint }
}
