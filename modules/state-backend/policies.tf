# What the backend of an environment needs, and plans that wait for an approval. A deployer applies: it writes the state and its
# lock, and reads plans. A planner reads the state, without locking it, and stores plans: it reads their records, which hold no
# values, and replaces none, since what was approved must stay what it was. The lock is an object beside the state, <key>.tflock
# (Terraform documentation, "Backend type: s3").
locals {
  _grants = {
    deployer = [
      { sid = "ReadAndWriteState", actions = ["s3:GetObject", "s3:PutObject"], folder = "async-endpoint", suffix = "*" },
      { sid = "Unlock", actions = ["s3:DeleteObject"], folder = "async-endpoint", suffix = "*.tflock" },
      { sid = "ReadPlans", actions = ["s3:GetObject"], folder = "plans", suffix = "*" },
    ]
    planner = [
      { sid = "ReadState", actions = ["s3:GetObject"], folder = "async-endpoint", suffix = "*" },
      { sid = "StorePlans", actions = ["s3:PutObject"], folder = "plans", suffix = "*", creates = true },
      { sid = "ReadRecords", actions = ["s3:GetObject"], folder = "plans", suffix = "*.json" },
    ]
  }
  _roles = merge([
    for environment in var.environments : {
      for role, grants in local._grants : "${environment}/${role}" => { environment = environment, grants = grants, role = role }
    }
  ]...)
}

data "aws_iam_policy_document" "backend" {
  for_each = local._roles

  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.this.arn]

    # "IfExists", because reading a key carries no prefix: without it, the first init of a new key gives 403 instead of 404.
    # An init lists the workspaces, below env:/ (Terraform documentation, "Backend type: s3", workspace_key_prefix).
    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = ["env:/", "async-endpoint/${each.value.environment}/*"]
    }
  }

  # For async-endpoint doctor.
  statement {
    sid       = "ReadSettings"
    actions   = ["s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketVersioning", "s3:GetEncryptionConfiguration"]
    resources = [aws_s3_bucket.this.arn]
  }

  dynamic "statement" {
    for_each = each.value.grants

    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = ["${aws_s3_bucket.this.arn}/${statement.value.folder}/${each.value.environment}/${statement.value.suffix}"]

      # Only where there is none yet (S3 user guide, "Enforce conditional writes on Amazon S3 buckets").
      dynamic "condition" {
        for_each = try(statement.value.creates, false) ? ["*"] : []

        content {
          test     = "StringEquals"
          variable = "s3:if-none-match"
          values   = [condition.value]
        }
      }
    }
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

resource "aws_iam_policy" "backend" {
  for_each = local._roles

  name        = "${local._bucket}-${each.value.environment}-${each.value.role}"
  description = "Terraform state and plans of ${each.value.environment}, for a ${each.value.role}"
  policy      = data.aws_iam_policy_document.backend[each.key].json
  tags        = var.tags
}
