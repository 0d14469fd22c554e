# The policy that AWS gives a key by default, stated explicitly: IAM of this account decides who may use it.
data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:The key policy delegates to IAM policies of its account, as AWS's default does.
  #checkov:skip=CKV_AWS_111:The key policy delegates to IAM policies of its account, as AWS's default does.
  #checkov:skip=CKV_AWS_356:In a key policy the resource is that key.
  statement {
    sid       = "DelegateToIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${local._account}:root"]
    }
  }
}

resource "aws_kms_key" "this" {
  count = var.create_key ? 1 : 0

  description             = "Terraform state in ${local._bucket}"
  deletion_window_in_days = 30
  enable_key_rotation     = true
  policy                  = data.aws_iam_policy_document.key.json
  tags                    = var.tags

  lifecycle {
    prevent_destroy = true
  }

  # Where two create the bucket at once, one fails at the bucket, and leaves no key behind, which is billed.
  depends_on = [aws_s3_bucket.this]
}

resource "aws_kms_alias" "this" {
  count = var.create_key ? 1 : 0

  name          = "alias/${local._bucket}"
  target_key_id = aws_kms_key.this[0].key_id
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.bucket

  rule {
    bucket_key_enabled = var.create_key

    apply_server_side_encryption_by_default {
      kms_master_key_id = local._key_arn
      sse_algorithm     = var.create_key ? "aws:kms" : "AES256"
    }
  }
}
