# Beside the deployer policy, for those who may destroy the deployment, its data and key included; never a bucket or key that other
# endpoints share.
locals {
  _functions = distinct([for subscription in var.subscriptions : join(":", slice(split(":", subscription.endpoint), 0, 7)) if subscription.protocol == "lambda"])
}

data "aws_iam_policy_document" "destroyer" {
  # These actions have no resource type. Leftovers are found in the account's lists.
  statement {
    sid = "Search"
    actions = [
      "cloudwatch:ListDashboards", "iam:ListOpenIDConnectProviders", "iam:ListPolicies", "iam:ListRoles", "s3:ListAllMyBuckets", "sagemaker:ListModels", "sns:Unsubscribe",
      "sqs:ListQueues",
    ]
    resources = ["*"]
  }

  # Terraform deletes each setting of the bucket before it, which Amazon S3 counts as putting it. None of these opens it to a reader.
  dynamic "statement" {
    for_each = var.storage.shared ? [] : [var.storage.bucket_arn]

    content {
      sid = "DestroyBucket"
      actions = [
        "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketLogging",
        "s3:PutBucketOwnershipControls", "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration",
      ]
      resources = [statement.value, "${statement.value}/*"]
    }
  }

  dynamic "statement" {
    for_each = var.storage.shared ? [] : [var.storage.kms_key_arn]

    content {
      sid       = "DestroyKey"
      actions   = ["kms:DeleteAlias", "kms:ScheduleKeyDeletion"]
      resources = [statement.value, "${local._here.kms}alias/${var.name}"]
    }
  }

  dynamic "statement" {
    for_each = length(local._github_roles) > 0 && var.access.github.provider_arn == null ? [local._github_provider_arn] : []

    content {
      sid       = "DestroyProvider"
      actions   = ["iam:DeleteOpenIDConnectProvider", "iam:ListOpenIDConnectProviderTags"]
      resources = [statement.value]
    }
  }

  # A subscribed function no longer admits the topics. Without its aliases and versions, which Lambda adds to the resource.
  dynamic "statement" {
    for_each = length(local._functions) > 0 ? [local._functions] : []

    content {
      sid       = "RemoveTopics"
      actions   = ["lambda:RemovePermission"]
      resources = flatten([for arn in statement.value : [arn, "${arn}:*"]])
    }
  }

  # The policy of a topic is replaced by Amazon SNS's default before the topic is deleted. The provider deletes each older version of a
  # policy first (terraform-provider-aws, iam/policy.go); tags and entities of policies are for destroy --remove-leftovers.
  statement {
    sid = "Destroy"
    actions = [
      "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy",
      "iam:ListEntitiesForPolicy", "iam:ListPolicyTags", "logs:DeleteLogGroup", "sns:DeleteTopic", "sns:SetTopicAttributes", "sqs:DeleteQueue",
    ]
    resources = concat(
      local._log_group, local._github_role_arns, [var.execution_role.arn, "${local._iam}policy/${local._global_name}-*"], local._messaging,
    )
  }
}
