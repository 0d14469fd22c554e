output "backend_policies" {
  description = "Permissions on state and plans, as JSON, by environment: each has `deployer` and `planner`."
  value       = module.state.backend_policies
}

output "backend_policy_arns" {
  description = "ARNs of the same policies as managed policies, by environment: for `access.github` of each."
  value       = module.state.backend_policy_arns
}

output "bucket" {
  description = "Name of the bucket: goes into envs/*/state.s3.tfbackend."
  value       = module.state.bucket
}
