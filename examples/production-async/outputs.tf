output "async_endpoint" {
  description = "All that a client needs (scripts/async_endpoint/core/outputs.py)."
  value       = module.async_inference.async_endpoint
}
