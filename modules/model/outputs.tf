output "archives" {
  description = "Model archives in the order of their containers: uri, the version_id when it was applied, and of those uploaded from here sha256; null where unknown."
  value       = local.archives
}

output "containers" {
  description = "Containers in order, as deployed: environment, hostname, image_uri and model_data_url, null where there is none."
  value = [
    for container in local.containers : {
      environment    = container.environment
      hostname       = container.hostname
      image_uri      = container.image
      model_data_url = try(coalesce(container.model_data_url, container.model_data.s3_uri), null)
    }
  ]
}

output "execution_policy_json" {
  description = "What the execution role may do; attach it to a role of your own."
  value       = data.aws_iam_policy_document.execution.json
}

output "execution_role" {
  description = "What verification compares: policy_json, what the role needs, and whether it is supplied; of a role made here also policy_name, trust_policy_json and permissions_boundary_arn."
  value = {
    permissions_boundary_arn = var.role.existing == null ? var.role.permissions_boundary_arn : null
    policy_json              = data.aws_iam_policy_document.execution.json
    policy_name              = one(aws_iam_role_policy.execution[*].name)
    supplied                 = var.role.existing != null
    trust_policy_json        = var.role.existing == null ? data.aws_iam_policy_document.trust.json : null
  }
}

output "execution_role_arn" {
  description = "ARN of the execution role, once it has its permissions."
  value       = local.role_arn

  depends_on = [aws_iam_role_policy.execution]
}

output "name" {
  description = "Name of the model. It changes with whatever the model is made of."
  value       = aws_sagemaker_model.this.name
}

output "planned_execution_role_arn" {
  description = "ARN that the execution role has or will have, known before the role is made: for policies of what its own policy names."
  value       = local.planned_role_arn
}

output "timeout_seconds" {
  description = "Seconds one request may take: in a pipeline those of all containers together, at most an hour."
  value       = min(3600, var.invocation == "serial" ? sum(var.containers[*].serving.timeout_seconds) : max(var.containers[*].serving.timeout_seconds...))
}
