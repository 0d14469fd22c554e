data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account   = data.aws_caller_identity.current.account_id
  _partition = data.aws_partition.current.partition
  _region    = data.aws_region.current.id
  _suffix    = data.aws_partition.current.dns_suffix

  # 1 for a bucket of this deployment, created or imported; 0 for an existing one.
  _made = var.storage.existing.bucket == null ? 1 : 0

  # 1 for each of its settings that is managed here.
  _settings = {
    for setting in ["encryption", "lifecycle", "ownership", "policy", "public_access", "versioning"] :
    setting => contains(coalesce(var.storage.bucket_settings, [setting]), setting) ? local._made : 0
  }

  _endpoint_names = length(var.endpoint_names) == 0 ? toset([var.name]) : var.endpoint_names

  bucket_arn  = local._made == 1 ? concat(aws_s3_bucket.this, aws_s3_bucket.imported)[0].arn : "arn:${local._partition}:s3:::${var.storage.existing.bucket.name}"
  bucket_name = local._made == 1 ? concat(aws_s3_bucket.this, aws_s3_bucket.imported)[0].bucket : data.aws_s3_bucket.given[0].bucket

  # One bucket: one key, one policy and one set of lifecycle rules. IAM separates access by prefix. The role comes
  # first and the endpoint below it (output/recommender/), so that one rule a role covers every endpoint.
  prefixes = { for role, prefix in var.storage.prefixes : role => prefix if prefix != null }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:Access is logged where access_logs.destination is given; a log bucket is shared by the account, not created per deployment.
  #checkov:skip=CKV_AWS_144:Inputs and results expire within days, and the model can be uploaded again.
  #checkov:skip=CKV2_AWS_61:Expiry is the choice of the caller (expire_after_days); the local environment has none.
  #checkov:skip=CKV2_AWS_62:Amazon SageMaker announces results on SNS topics.
  count = var.names.bucket == null ? local._made : 0

  bucket        = "${var.name}-${local._account}-${local._region}"
  force_destroy = var.storage.force_destroy
  tags          = var.tags

  # Destroyed before the key: a bucket that cannot be deleted because it is not empty must remain readable.
  depends_on = [aws_kms_key.this]
}

# A bucket that existed before, with the contents, settings and tags of its other users.
resource "aws_s3_bucket" "imported" {
  #checkov:skip=CKV_AWS_18:Access is logged where access_logs.destination is given.
  #checkov:skip=CKV_AWS_21:Its settings are managed here where bucket_settings names them.
  #checkov:skip=CKV_AWS_144:Inputs and results expire within days, and the model can be uploaded again.
  #checkov:skip=CKV_AWS_145:Its settings are managed here where bucket_settings names them.
  #checkov:skip=CKV2_AWS_6:Its settings are managed here where bucket_settings names them.
  #checkov:skip=CKV2_AWS_61:Expiry is the choice of the caller (expire_after_days).
  #checkov:skip=CKV2_AWS_62:Amazon SageMaker announces results on SNS topics.
  count = var.names.bucket == null ? 0 : local._made

  bucket        = var.names.bucket
  force_destroy = var.storage.force_destroy
  tags          = var.tags

  lifecycle {
    ignore_changes = [tags]

    # At this address it would be a second resource for a bucket that this deployment has made.
    precondition {
      condition     = var.names.bucket != "${var.name}-${local._account}-${local._region}"
      error_message = "Remove names.bucket if this deployment created ${var.names.bucket}: its bucket has that name without it. If the bucket existed before, give the endpoint another name, or the bucket in storage.existing.bucket."
    }
  }

  depends_on = [aws_kms_key.this]
}

data "aws_s3_bucket" "given" {
  count = 1 - local._made

  bucket = var.storage.existing.bucket.name

  # By the domain name: attribute `region` is the bucket's in version 5 of the provider, and the provider's own in version 6.
  lifecycle {
    postcondition {
      condition     = strcontains(self.bucket_regional_domain_name, ".s3.${local._region}.")
      error_message = "Bucket ${var.storage.existing.bucket.name} (${self.bucket_regional_domain_name}) is not in ${local._region}; Amazon SageMaker reads models and writes results in the endpoint's region. Give a bucket there."
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  count = local._settings.ownership

  bucket = concat(aws_s3_bucket.this, aws_s3_bucket.imported)[0].bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  count = local._settings.public_access

  bucket                  = concat(aws_s3_bucket.this, aws_s3_bucket.imported)[0].bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  count = local._settings.versioning

  bucket = concat(aws_s3_bucket.this, aws_s3_bucket.imported)[0].bucket

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_logging" "this" {
  count = local._made == 1 && var.storage.access_logs.destination != null ? 1 : 0

  bucket        = concat(aws_s3_bucket.this, aws_s3_bucket.imported)[0].bucket
  target_bucket = var.storage.access_logs.destination.bucket_name
  target_prefix = coalesce(var.storage.access_logs.destination.prefix, "${var.name}/")
}
