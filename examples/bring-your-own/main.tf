# What belongs to other teams; created here so that the example is self-contained.
data "aws_caller_identity" "current" {}

resource "aws_s3_bucket" "theirs" {
  #checkov:skip=CKV_AWS_18:Access logs are up to the team that owns the bucket.
  #checkov:skip=CKV_AWS_21:Nothing in it is worth a second version.
  #checkov:skip=CKV_AWS_144:Nothing in it outlives the example.
  #checkov:skip=CKV2_AWS_61:Nothing in it outlives the example.
  #checkov:skip=CKV2_AWS_62:The endpoint publishes notifications of results.
  bucket        = "bring-your-own-${data.aws_caller_identity.current.account_id}"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "theirs" {
  bucket = aws_s3_bucket.theirs.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "tls_only" {
  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.theirs.arn, "${aws_s3_bucket.theirs.arn}/*"]

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

resource "aws_s3_bucket_policy" "theirs" {
  bucket = aws_s3_bucket.theirs.id
  policy = data.aws_iam_policy_document.tls_only.json
}

# With the default key policy: the account's IAM policies decide who may use it.
resource "aws_kms_key" "theirs" {
  #checkov:skip=CKV2_AWS_64:The example uses the default key policy on purpose.
  description             = "Key of the team that owns the bucket"
  deletion_window_in_days = 7
  enable_key_rotation     = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "theirs" {
  bucket = aws_s3_bucket.theirs.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      kms_master_key_id = aws_kms_key.theirs.arn
      sse_algorithm     = "aws:kms"
    }
  }
}

resource "aws_sns_topic" "theirs" {
  for_each = toset(["error", "success"])

  name              = "bring-your-own-${each.key}"
  kms_master_key_id = aws_kms_key.theirs.arn

  # A renamed topic is created before this one is deleted, because notifications are published throughout.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc" "theirs" {
  #checkov:skip=CKV2_AWS_11:Flow logs are up to the network team; module network has them.
  #checkov:skip=CKV2_AWS_12:Nothing is in its default group; module network closes it.
  cidr_block = "10.30.0.0/24"
}

resource "aws_subnet" "theirs" {
  vpc_id     = aws_vpc.theirs.id
  cidr_block = "10.30.0.0/25"
}

resource "aws_security_group" "theirs" {
  #checkov:skip=CKV2_AWS_5:The model is attached to it.
  name        = "bring-your-own"
  description = "What the network team allows containers to reach"
  vpc_id      = aws_vpc.theirs.id
}

resource "aws_iam_role" "theirs" {
  name = "bring-your-own"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      Effect    = "Allow"
      Principal = { Service = "sagemaker.amazonaws.com" }
    }]
  })
}

# An uncompressed model: its files.
resource "aws_s3_object" "model" {
  for_each = fileset("${path.module}/model", "**")

  bucket = aws_s3_bucket.theirs.id
  key    = "models/counter/${each.key}"
  source = "${path.module}/model/${each.key}"
  etag   = filemd5("${path.module}/model/${each.key}")

  # The current model is read until another one serves.
  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_s3_bucket_server_side_encryption_configuration.theirs]
}
