output "async_endpoint" {
  description = "All that passes from Terraform to Python (scripts/async_endpoint/core/outputs.py)."
  value       = module.async_inference.async_endpoint
}
