# One key for objects, topics, results queues, logs and volumes, so that its policy is written once.
locals {
  _via_s3     = distinct([for suffix in ["amazonaws.com", local._suffix] : "s3.${local._region}.${suffix}"]) # in China either (A100)
  kms_key_arn = var.storage.existing.key == null ? aws_kms_key.this[0].arn : var.storage.existing.key.arn
}

data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:The key policy delegates to IAM policies of its account, as AWS's default does.
  #checkov:skip=CKV_AWS_111:The key policy delegates to IAM policies of its account, as AWS's default does.
  #checkov:skip=CKV_AWS_356:In a key policy the resource is that key.

  # Execution role, callers and key administrators: IAM of this account grants them access.
  statement {
    sid       = "DelegateToIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local._partition}:iam::${local._account}:root"]
    }
  }

  # Without this, messages from topics to the encrypted results queue are lost (Amazon SNS guide, "encrypted queues"). The condition is
  # that of AWS CDK (github.com/aws/aws-cdk, pull request 20521).
  statement {
    sid       = "DeliverFromTopics"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = concat([for name in local._endpoint_names : "arn:${local._partition}:sns:${local._region}:${local._account}:${name}-*"], var.topic_arns)
    }
  }

  # Amazon CloudWatch Logs guide, "encrypt log data". Unlike that of Amazon SNS, this principal has the DNS suffix of its partition
  # (provider source, service_principal_data_source.go).
  statement {
    sid       = "EncryptLogs"
    actions   = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local._region}.${local._suffix}"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = [for name in local._endpoint_names : "arn:${local._partition}:logs:${local._region}:${local._account}:log-group:*${name}*"]
    }
  }

  # Readers of another account need the key as well as the bucket, and only to read from Amazon S3.
  dynamic "statement" {
    for_each = length(var.storage.readers) > 0 ? [flatten([for reader in var.storage.readers : tolist(reader.principal_arns)])] : []

    content {
      sid       = "DecryptForReaders"
      actions   = ["kms:Decrypt"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = statement.value
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = local._via_s3
      }
    }
  }
}

resource "aws_kms_key" "this" {
  count = var.storage.existing.key == null ? 1 : 0

  description             = "Data, notifications, logs and volumes of ${var.name}"
  deletion_window_in_days = var.storage.key_deletion_window_days
  enable_key_rotation     = true
  policy                  = data.aws_iam_policy_document.key.json
  tags                    = var.tags
}

resource "aws_kms_alias" "this" {
  count = var.storage.existing.key == null ? 1 : 0

  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this[0].key_id
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  count = local._settings.encryption

  bucket = concat(aws_s3_bucket.this, aws_s3_bucket.imported)[0].bucket

  rule {
    # One data key per bucket instead of one per object: a batch of thousands stays within the request quota of KMS.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      kms_master_key_id = local.kms_key_arn
      sse_algorithm     = "aws:kms"
    }
  }
}
