output "endpoint_name" {
  description = "The endpoint, which uses the existing resources."
  value       = module.endpoint.name
}

output "model_name" {
  description = "The model, which runs with the existing role."
  value       = module.model.name
}

output "bucket" {
  description = "The bucket it reads from and writes to."
  value       = aws_s3_bucket.theirs.id
}
