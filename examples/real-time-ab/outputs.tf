output "bucket" {
  description = "Bucket that holds the captured requests and responses, below capture/."
  value       = module.storage.bucket_name
}

output "endpoint_name" {
  description = "Endpoint that splits its requests between two variants."
  value       = module.endpoint.name
}

output "trial_endpoint_name" {
  description = "Endpoint whose challenger is a shadow."
  value       = module.trial.name
}
