output "bucket_arn" {
  description = "ARN of the bucket."
  value       = local.bucket_arn
}

output "bucket_name" {
  description = "Name of the bucket, once its objects are private and encrypted."
  value       = local.bucket_name

  depends_on = [
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "bucket_policy_json" {
  description = "Policy of the bucket, in JSON; an existing bucket needs these statements."
  value       = data.aws_iam_policy_document.bucket.json
}

output "key_policy_json" {
  description = "Policy of the KMS key, in JSON; an existing key needs these statements."
  value       = data.aws_iam_policy_document.key.json
}

output "kms_key_arn" {
  description = "ARN of the KMS key."
  value       = local.kms_key_arn

  precondition {
    condition     = var.storage.existing.key == null || try(split(":", var.storage.existing.key.arn)[3] == local._region, false)
    error_message = "Key ${try(var.storage.existing.key.arn, "")} is not in ${local._region}: AWS services use keys of their own region. Give a key there, or a replica of it."
  }
}

output "prefixes" {
  description = "Key prefixes by role: credentials, failure, input, model, output, predictions, and capture if prefixes.capture is given. Each ends in a slash."
  value       = local.prefixes
}

output "shared" {
  description = "For storage.shared of module async-inference, which stores an endpoint's data below a prefix of its own."
  value = {
    bucket_arn     = local.bucket_arn
    bucket_name    = local.bucket_name
    endpoint_names = local._endpoint_names
    kms_key_arn    = local.kms_key_arn
    prefixes       = local.prefixes
    topic_arns     = var.topic_arns
  }

  depends_on = [
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "uris" {
  description = "S3 URIs by role, as prefixes. Each ends in a slash."
  value       = { for role, prefix in local.prefixes : role => "s3://${local.bucket_name}/${prefix}" }
}
