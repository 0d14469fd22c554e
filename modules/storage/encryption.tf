# The one key of a deployment. Topics and the results queue use it too, so that its policy is written once.
data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:The policy of a key delegates to the policies of its account, as AWS makes it too.
  #checkov:skip=CKV_AWS_111:The policy of a key delegates to the policies of its account, as AWS makes it too.
  #checkov:skip=CKV_AWS_356:In the policy of a key the resource is that key.
  statement {
    sid       = "DelegateToIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  # Without this, messages from our topics to the encrypted results queue vanish (Amazon SNS guide, "encrypted queues").
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
      values = [join(":", [
        "arn", data.aws_partition.current.partition, "sns", data.aws_region.current.name,
        data.aws_caller_identity.current.account_id, "${var.name}-*",
      ])]
    }
  }
}

resource "aws_kms_key" "this" {
  description             = "Data, notifications and volumes of ${var.name}"
  deletion_window_in_days = var.key_deletion_window_days
  enable_key_rotation     = true
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.bucket

  rule {
    # One data key a bucket instead of one an object: a batch of thousands stays inside the request quota of KMS.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      kms_master_key_id = aws_kms_key.this.arn
      sse_algorithm     = "aws:kms"
    }
  }
}
