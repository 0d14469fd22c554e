output "configuration_name" {
  description = "The configuration that all endpoints share."
  value       = module.endpoint_config.name
}

output "endpoint_names" {
  description = "The consumers' endpoints."
  value       = sort([for endpoint in module.endpoint : endpoint.name])
}
