data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _region = data.aws_region.current.id

  # Whether there is an archive without a path is known before an address that the same apply creates.
  _supplied = var.container.archive != null && try(var.container.archive.path, null) == null

  archive = var.container.archive == null ? null : {
    path       = var.container.archive.path
    sha256     = var.container.archive.path == null ? null : try(filesha256(var.container.archive.path), null)
    version_id = try(coalesce(one(data.aws_s3_object.supplied[*].version_id)), null)
  }

  model_data_url = try(coalesce(try(var.container.archive.s3_uri, null), try(var.container.multi_model.s3_uri, null)), null)
}

locals {
  _s3_uris = compact([
    try(var.container.archive.s3_uri, null), try(var.container.data_source.s3_uri, null), try(var.container.model_package.artifact_uri, null),
    try(var.container.multi_model.s3_uri, null),
  ])

  # Where model data is, as far as names reveal it: a bucket's key is in the bucket's region; SageMaker's SDK and JumpStart name buckets
  # by region (bucket_region in scripts/async_endpoint/core/hosting_rules.py).
  _key_regions    = [for arn in local.kms_key_arns : split(":", arn)[3]]
  _bucket_regions = compact([for uri in local._s3_uris : try(compact(regex(local._regional_bucket, split("/", uri)[2]))[0], "")])

  _regional_bucket = "^(?:sagemaker-([a-z]{2}(?:-[a-z]+)+-[0-9])-[0-9]{12}|jumpstart-(?:private-)?cache-prod-([a-z]{2}(?:-[a-z]+)+-[0-9]))$"

  kms_key_arns = compact([
    for data in [var.container.archive, var.container.data_source, var.container.model_package, var.container.multi_model] : try(data.kms_key_arn, null)
  ])
}

data "aws_s3_object" "supplied" {
  count = local._supplied && try(var.container.archive.record_version, false) ? 1 : 0

  bucket = split("/", var.container.archive.s3_uri)[2]
  key    = join("/", slice(split("/", var.container.archive.s3_uri), 3, length(split("/", var.container.archive.s3_uri))))
}
