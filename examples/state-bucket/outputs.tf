output "backend_policies" {
  description = "A deployer's permissions on the backend, as JSON, by prefix of state keys."
  value       = module.state.backend_policies
}

output "bucket" {
  description = "Name of the bucket: goes into envs/*/state.s3.tfbackend."
  value       = module.state.bucket
}
