output "github_role_arn" {
  description = "ARN of the role for GitHub Actions, once it has its permissions; null without one."
  value       = one(aws_iam_role.github[*].arn)

  depends_on = [aws_iam_role_policy_attachment.github]
}

output "policies" {
  description = "Policies by role (caller, collector, deployer, destroyer, verifier, watcher): json, and arn of the managed policy or null."
  value = {
    for role, policy in local.policies :
    role => { arn = try(aws_iam_policy.this[role].arn, null), json = policy.json }
  }
}
