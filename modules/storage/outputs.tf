output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "bucket_name" {
  description = "Name of the bucket, once objects put into it are private and encrypted."
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
  description = "ARN of the key of the deployment."
  value       = aws_kms_key.this.arn
}

output "prefixes" {
  description = "Key prefixes by role: failure, input, model, output. Each ends in a slash."
  value       = local.prefixes
}

output "uris" {
  description = "S3 URIs by role: failure, input, model, output. Each ends in a slash."
  value       = { for role, prefix in local.prefixes : role => "s3://${aws_s3_bucket.this.bucket}/${prefix}" }
}
