output "endpoint_name" {
  description = "The endpoint; a request to it names a model in TargetModel."
  value       = module.endpoint.name
}

output "models" {
  description = "What TargetModel may be."
  value       = keys(local.models)
}
