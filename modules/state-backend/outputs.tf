output "backend_policies" {
  description = "Policies on state and plans, as JSON, by environment: each has `deployer` and `planner`."
  value = {
    for environment in var.environments : environment => {
      for role in keys(local._grants) : role => data.aws_iam_policy_document.backend["${environment}/${role}"].json
    }
  }
}

output "backend_policy_arns" {
  description = "ARNs of the same policies as managed policies, by environment: each has `deployer` and `planner`."
  value = {
    for environment in var.environments : environment => {
      for role in keys(local._grants) : role => aws_iam_policy.backend["${environment}/${role}"].arn
    }
  }
}

output "bucket" {
  description = "Name of the bucket, once its objects are private, encrypted and versioned."
  value       = aws_s3_bucket.this.bucket

  depends_on = [
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "kms_key_arn" {
  description = "ARN of the KMS key; null without one."
  value       = local._key_arn
}
