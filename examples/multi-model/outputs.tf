output "endpoint_name" {
  description = "The endpoint; a request to it names a model in TargetModel."
  value       = module.endpoint.name
}

output "models" {
  description = "Values of TargetModel."
  value       = keys(local.models)
}
