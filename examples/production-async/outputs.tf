output "async_endpoint" {
  description = "All that a client needs (scripts/async_endpoint/contract/outputs.py)."
  value       = module.async_inference.async_endpoint
}
