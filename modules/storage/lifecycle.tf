locals {
  _expiry = { for role, days in var.storage.expire_after_days : role => days if days != null }
}

# The provider waits 55 s for these rules, so no resource depends on them.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count = length(local._expiry) > 0 ? local._settings.lifecycle : 0

  bucket = concat(aws_s3_bucket.this, aws_s3_bucket.imported)[0].bucket

  dynamic "rule" {
    for_each = { for role, days in local._expiry : role => days if contains(keys(local.prefixes), role) }

    content {
      id     = "expire-${rule.key}"
      status = "Enabled"

      filter {
        prefix = local.prefixes[rule.key]
      }

      expiration {
        days = rule.value
      }
    }
  }

  rule {
    id     = "remove-leftovers"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }

    expiration {
      expired_object_delete_marker = true
    }

    dynamic "noncurrent_version_expiration" {
      for_each = var.storage.expire_after_days.noncurrent[*]

      content {
        noncurrent_days = noncurrent_version_expiration.value
      }
    }
  }
}
