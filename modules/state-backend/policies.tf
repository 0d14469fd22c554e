# Backend permissions of a deployer, for the states below one key prefix. The lock is an object beside the state, <key>.tflock
# (Terraform documentation, "Backend type: s3").
data "aws_iam_policy_document" "backend" {
  for_each = var.key_prefixes

  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.this.arn]

    # "IfExists", because reading a key carries no prefix: without it, the first init of a new key gives 403 instead of 404.
    # An init lists the workspaces, below env:/ (Terraform documentation, "Backend type: s3", workspace_key_prefix).
    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = ["env:/", "${each.key}*"]
    }
  }

  statement {
    sid       = "ReadAndWriteState"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.this.arn}/${each.key}*"]
  }

  statement {
    sid       = "Unlock"
    actions   = ["s3:DeleteObject"]
    resources = ["${aws_s3_bucket.this.arn}/${each.key}*.tflock"]
  }

  dynamic "statement" {
    for_each = local._key_arn[*]

    content {
      sid       = "UseKeyThroughS3"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = distinct([for suffix in ["amazonaws.com", data.aws_partition.current.dns_suffix] : "s3.${data.aws_region.current.id}.${suffix}"]) # in China either (A100)
      }
    }
  }
}
