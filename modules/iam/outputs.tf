output "github_role_arn" {
  description = "ARN of the role for workflows of GitHub, once it has its permissions; null when none is made."
  value       = one(aws_iam_role.github[*].arn)

  depends_on = [aws_iam_role_policy_attachment.github]
}

output "policies" {
  description = "By who has it (caller, collector, deployer, verifier, watcher): the policy as json, and the arn of the managed policy or null."
  value = {
    for who, policy in local.policies :
    who => { arn = try(aws_iam_policy.this[who].arn, null), json = policy.json }
  }
}
