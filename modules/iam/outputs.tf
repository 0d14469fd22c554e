output "github_role_arns" {
  description = "ARNs of the roles for GitHub Actions, deployer and planner, once they have their permissions; null without that role."
  value       = { for role in ["deployer", "planner"] : role => try(aws_iam_role.github[role].arn, null) }

  depends_on = [aws_iam_role_policy_attachment.github, aws_iam_role_policy_attachment.github_supplied]
}

output "policies" {
  description = "Policies by role (caller, collector, deployer, destroyer, planner, verifier, watcher, and api and api_admin with http_api): json, and arn of the managed policy or null."
  value = {
    for role, policy in local.policies :
    role => { arn = try(aws_iam_policy.this[role].arn, null), json = policy.json }
  }
}
