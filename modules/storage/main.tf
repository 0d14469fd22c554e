data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  bucket = "${var.name}-${data.aws_caller_identity.current.account_id}-${data.aws_region.current.name}"

  # One bucket: one key, one policy and one set of lifecycle rules to keep right. Prefixes are what IAM separates.
  prefixes = {
    failure = "failure/"
    input   = "input/"
    model   = "model/"
    output  = "output/"
  }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:Who reads and writes is told by CloudTrail data events; a second bucket for logs would be nobody's.
  #checkov:skip=CKV_AWS_144:Inputs and results expire within days, and the model comes from where it was built.
  #checkov:skip=CKV2_AWS_62:Amazon SageMaker announces results on topics of its own.
  bucket        = local.bucket
  force_destroy = var.force_destroy

  # Destroyed before the key: a bucket that is kept because it is not empty must stay readable.
  depends_on = [aws_kms_key.this]
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.bucket

  versioning_configuration {
    status = "Enabled"
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "DenyInsecureTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

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
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.bucket
  policy = data.aws_iam_policy_document.bucket.json
}
