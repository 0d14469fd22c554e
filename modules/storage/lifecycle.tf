# The provider waits most of a minute for these rules, so nothing but the end of an apply depends on them.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count = local._made

  bucket = aws_s3_bucket.this[0].bucket

  dynamic "rule" {
    for_each = { for role, days in var.expire_after_days : role => days if contains(keys(local.prefixes), role) }

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

    noncurrent_version_expiration {
      noncurrent_days = var.expire_after_days.noncurrent
    }
  }
}
