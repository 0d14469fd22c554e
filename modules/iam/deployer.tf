# Updates a deployment that an administrator has applied first, and changes nothing that decides who may read data or act: not the
# key, the settings of the bucket but expiry, topics, subscriptions, queues, roles and policies, nor their tags. What is deleted only
# when a deployment is destroyed is in destroyer.tf. Actions are wildcards where every match is needed: a managed policy has at most
# 6144 characters.
locals {
  _named     = "${var.name}-*"
  _dashboard = "arn:${local._partition}:cloudwatch::${local._account}:dashboard/${local._endpoint_name}-${local._region}"
  _service   = "sagemaker.application-autoscaling.amazonaws.com"

  _hosting = [
    var.endpoint_arn,
    one(local._configurations),
    "${local._here.sagemaker}model/${lower(local._named)}",
  ]
  # Named after the endpoint, but for a wake alarm that was imported.
  _alarms = concat([
    "${local._here.cloudwatch}alarm:${local._endpoint_name}-*",
    # Application Auto Scaling creates these with the permissions of the caller of PutScalingPolicy (user guide, "Target tracking").
    "${local._here.cloudwatch}alarm:TargetTracking-endpoint/${local._endpoint_name}/*",
  ], [for name in compact([var.names.wake_alarm]) : "${local._here.cloudwatch}alarm:${name}"])

  # What only an administrator changes, and how it is read.
  _administered = concat(
    [
      var.execution_role.arn,
      var.storage.kms_key_arn,
      local._github_provider_arn,
      "${local._iam}policy/${local._global_name}-*",
    ],
    local._messaging,
    var.described_key_arns,
    local._github_role_arns,
    local._supplied_topics,
    anytrue([for subscription in var.subscriptions : subscription.protocol == "lambda"]) ? ["${local._here.lambda}function:*"] : [],
  )
  _reading = [
    "iam:GetOpenIDConnectProvider", "iam:GetPolicy*", "iam:GetRole*", "iam:List*Role*", "iam:ListPolicyVersions", "kms:DescribeKey",
    "kms:GetKey*", "kms:ListResourceTags", "lambda:GetPolicy", "sns:GetTopic*", "sns:List*", "sqs:GetQueue*", "sqs:ListQueueTags",
  ]

  _supplied_topics = distinct([
    for arn in values(var.topic_arns) : arn if !startswith(arn, "${local._here.sns}${var.name}-") && !contains(local._messaging, arn)
  ])
}

data "aws_iam_policy_document" "deployer" {
  statement {
    sid       = "Host"
    actions   = ["sagemaker:*Tags", "sagemaker:Create*", "sagemaker:Delete*", "sagemaker:Describe*", "sagemaker:Update*"]
    resources = local._hosting
  }

  # Application Auto Scaling describes configurations with the rights of the caller of RegisterScalableTarget, whatever their names.
  # Alarms are described by a prefix or without names, so it needs all.
  statement {
    sid       = "DescribeAll"
    actions   = ["cloudwatch:DescribeAlarms", "sagemaker:DescribeEndpointConfig"]
    resources = ["${local._here.cloudwatch}alarm:*", "${local._here.sagemaker}endpoint-config/*"]
  }

  # The one role it may pass, to SageMaker only.
  statement {
    sid       = "PassExecutionRole"
    actions   = ["iam:PassRole"]
    resources = [var.execution_role.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }

  # What only an administrator changes.
  statement {
    sid       = "Read"
    actions   = local._reading
    resources = local._administered
  }

  # The execution role's permissions follow from model and image. The boundary caps what the deployer can grant; without one, an
  # administrator applies such a change.
  dynamic "statement" {
    for_each = var.execution_role.permissions_boundary_arn[*]

    content {
      sid       = "WriteExecutionRole"
      actions   = ["iam:DeleteRolePolicy", "iam:PutRolePolicy"]
      resources = [var.execution_role.arn]

      condition {
        test     = "StringEquals"
        variable = "iam:PermissionsBoundary"
        values   = [statement.value]
      }
    }
  }

  statement {
    sid       = "LinkScalingRole"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["${local._iam}role/aws-service-role/${local._service}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"]

    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values   = [local._service]
    }
  }

  # All that has a resource. Targets have generated ids, so the service limits them.
  statement {
    sid       = "Scale"
    actions   = ["application-autoscaling:*"]
    resources = ["${local._here["application-autoscaling"]}scalable-target/*"]

    condition {
      test     = "StringEqualsIfExists"
      variable = "application-autoscaling:service-namespace"
      values   = ["sagemaker"]
    }
  }

  statement {
    sid       = "Watch"
    actions   = ["cloudwatch:*Dashboard*", "cloudwatch:*Tag*", "cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"]
    resources = concat(local._alarms, [local._dashboard])
  }

  # These actions have no resource type. The lists find what exists outside the state.
  statement {
    sid = "Look"
    actions = [
      "application-autoscaling:Describe*", "ec2:DescribeNetworkInterfaces", "kms:ListAliases", "logs:DescribeLogGroups",
      "sagemaker:ListEndpoint*", "servicequotas:List*Quotas", "sns:GetSubscriptionAttributes", "sns:ListTopics", "tag:GetResources",
    ]
    resources = ["*"]
  }

  statement {
    sid = "KeepLogs"
    actions = [
      "logs:*KmsKey", "logs:*Tag*", "logs:CreateLogGroup", "logs:DeleteRetentionPolicy", "logs:DescribeLogStreams", "logs:GetLogEvents",
      "logs:PutRetentionPolicy",
    ]
    resources = local._log_group
  }

  # From version 6.23 the provider reads tags by S3 Control's ListTagsForResource (its release notes).
  statement {
    sid = "SetUpBucket"
    actions = concat(
      ["s3:GetBucket*", "s3:Get*Configuration", "s3:ListBucket*", "s3:ListTagsForResource"],
      var.storage.shared ? [] : ["s3:PutLifecycleConfiguration"],
    )
    resources = [var.storage.bucket_arn]
  }

  statement {
    sid       = "PutModels"
    actions   = ["s3:DeleteObject*", "s3:GetObject*", "s3:PutObject", "s3:PutObjectTagging"]
    resources = ["${var.storage.bucket_arn}/${var.storage.prefixes.model}*"]
  }

  # Through S3, where it may read and write model archives alone.
  statement {
    sid       = "EncryptModels"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.storage.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = local._via.s3
    }
  }

  # SageMaker encrypts volumes through a grant that it creates on behalf of the endpoint's creator.
  statement {
    sid       = "GrantKey"
    actions   = ["kms:CreateGrant"]
    resources = [var.storage.kms_key_arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
}
