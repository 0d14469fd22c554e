output "archives" {
  description = "Model archives in the order of their containers: uri, version_id at the apply, and sha256 of uploaded ones; null where unknown."
  value       = local.archives
}

output "containers" {
  description = "Containers in order, as deployed: environment, hostname, image_uri and model_data_url; null where there is none."
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
  description = "Policy of the execution role, in JSON; a role of your own needs it."
  value       = data.aws_iam_policy_document.execution.json
}

output "execution_role" {
  description = "The execution role, for verification: policy_json, and whether it is supplied; for a created or imported role also policy_name and permissions_boundary_arn, and for a created one trust_policy_json."
  value = {
    permissions_boundary_arn = local._boundary_arn
    policy_json              = data.aws_iam_policy_document.execution.json
    policy_name              = var.model.role.existing == null ? aws_iam_role_policy.execution[0].name : null
    supplied                 = var.model.role.existing != null
    trust_policy_json        = var.model.role.existing == null && var.names.role == null ? data.aws_iam_policy_document.trust.json : null
  }
}

output "execution_role_arn" {
  description = "ARN of the execution role, once it has its permissions."
  value       = local.role_arn

  depends_on = [aws_iam_role_policy.execution]
}

output "invocation_timeout_seconds" {
  description = "Longest time of one request, in seconds: the sum over the containers of a pipeline, at most 3600."
  value       = min(3600, var.model.invocation == "serial" ? sum(var.containers[*].invocation_timeout_seconds) : max(var.containers[*].invocation_timeout_seconds...))
}

output "name" {
  description = "Name of the model. Every change of the model creates a new name."
  value       = aws_sagemaker_model.this.name
}

output "planned_execution_role_arn" {
  description = "ARN of the execution role, known before the role is created: for policies of resources that its own policy names."
  value       = local.planned_role_arn
}
