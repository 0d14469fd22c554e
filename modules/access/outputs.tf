output "policy_arn" {
  description = "ARN of the managed policy, or null when none is made."
  value       = one(aws_iam_policy.caller[*].arn)
}

output "policy_json" {
  description = "The policy of a caller, as JSON."
  value       = data.aws_iam_policy_document.caller.json
}
