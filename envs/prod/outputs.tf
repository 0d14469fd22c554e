output "async_endpoints" {
  description = "All that passes from Terraform to Python (scripts/async_endpoint/core/outputs.py), by the name of the endpoint."
  value       = { (var.name) = module.async_inference.async_endpoint }
}
