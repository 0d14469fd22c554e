output "bucket" {
  description = "Bucket that holds the captured requests and answers, below capture/."
  value       = module.storage.bucket_name
}

output "endpoint_name" {
  description = "Endpoint whose requests are shared out."
  value       = module.endpoint.name
}

output "trial_endpoint_name" {
  description = "Endpoint whose challenger is a shadow."
  value       = module.trial.name
}
