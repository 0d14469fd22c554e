# Access beyond what IAM policies of this account grant.
data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "DenyInsecureTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.bucket_arn, "${local.bucket_arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = var.storage.readers

    content {
      sid       = "Read${statement.key}"
      actions   = ["s3:GetObject"]
      resources = [for role in statement.value.reads : "${local.bucket_arn}/${local.prefixes[role]}*"]

      principals {
        type        = "AWS"
        identifiers = statement.value.principal_arns
      }
    }
  }

  dynamic "statement" {
    for_each = var.storage.readers

    content {
      sid       = "List${statement.key}"
      actions   = ["s3:ListBucket"]
      resources = [local.bucket_arn]

      principals {
        type        = "AWS"
        identifiers = statement.value.principal_arns
      }

      condition {
        test     = "StringLike"
        variable = "s3:prefix"
        values   = [for role in statement.value.reads : "${local.prefixes[role]}*"]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  count = local._settings.policy

  bucket = concat(aws_s3_bucket.this, aws_s3_bucket.imported)[0].bucket
  policy = data.aws_iam_policy_document.bucket.json
}
