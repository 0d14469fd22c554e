output "backend_policies" {
  description = "Backend policies of a deployer, as JSON, by prefix of state keys."
  value       = { for prefix, document in data.aws_iam_policy_document.backend : prefix => document.json }
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
