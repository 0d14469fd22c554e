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

data "aws_s3_object" "supplied" {
  count = local._supplied && try(var.container.archive.record_version, false) ? 1 : 0

  bucket = split("/", var.container.archive.s3_uri)[2]
  key    = join("/", slice(split("/", var.container.archive.s3_uri), 3, length(split("/", var.container.archive.s3_uri))))
}
