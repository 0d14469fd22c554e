output "archive_uri" {
  description = "S3 URI of the archive."
  value       = local.archive_uri
}

output "environment" {
  description = "Container environment, as deployed."
  value       = local.environment
}

output "execution_role_arn" {
  description = "ARN of the execution role, once it has its permissions."
  value       = aws_iam_role.execution.arn

  depends_on = [aws_iam_role_policy.execution]
}

output "image_uri" {
  description = "URI of the serving image."
  value       = local.image_uri
}

output "name" {
  description = "Name of the model. It changes with the archive, the image and the environment."
  value       = aws_sagemaker_model.this.name
}

output "timeout_seconds" {
  description = "Seconds one request may take."
  value       = var.serving.timeout_seconds
}
