# Updates a deployment. An administrator applies first: the deployer cannot change the key or any permissions. It deletes bucket, key,
# role, log group and objects other than models only with access.deployer.destroy, and never a bucket or key that other endpoints
# share. Actions are wildcards where every match is needed (*Tag* includes UntagResource): a managed policy has at most 6144 characters.
locals {
  _named     = "${var.name}-*"
  _log_group = "${local._here.logs}log-group:/aws/sagemaker/Endpoints/${local._endpoint_name}*" # with and without :* at its end
  _service   = "sagemaker.application-autoscaling.amazonaws.com"

  _roles = "${local._iam}role/${local._global_name}-" # execution and github

  _hosting = [
    var.endpoint_arn,
    "${local._here.sagemaker}endpoint-config/${lower(local._named)}",
    "${local._here.sagemaker}model/${lower(local._named)}",
  ]
  _alarms = [
    "${local._here.cloudwatch}alarm:${local._named}",
    # Application Auto Scaling creates these with the permissions of the caller of PutScalingPolicy (user guide, "Target tracking").
    "${local._here.cloudwatch}alarm:TargetTracking-endpoint/${local._endpoint_name}/*",
  ]
}

data "aws_iam_policy_document" "deployer" {
  statement {
    sid = "Host"
    actions = [
      "sagemaker:AddTags", "sagemaker:Create*", "sagemaker:Delete*", "sagemaker:Describe*", "sagemaker:ListTags",
      "sagemaker:UpdateEndpoint",
    ]
    resources = local._hosting
  }

  # The one role it may pass, to SageMaker only.
  statement {
    sid       = "PassExecutionRole"
    actions   = ["iam:PassRole"]
    resources = [var.execution_role_arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }

  statement {
    sid     = "ReadAccess"
    actions = ["iam:GetOpenIDConnectProvider", "iam:GetPolicy*", "iam:GetRole*", "iam:List*Role*", "iam:ListPolicyVersions"]
    resources = distinct([
      startswith(var.execution_role_arn, local._roles) ? "${local._roles}*" : var.execution_role_arn,
      "${local._iam}oidc-provider/${local._github}",
      "${local._iam}policy/${local._named}",
      "${local._roles}*",
    ])
  }

  # The execution role's permissions follow from model and image; the boundary caps what the deployer can grant.
  statement {
    sid       = "WriteExecutionRole"
    actions   = ["iam:DeleteRolePolicy", "iam:PutRolePolicy"]
    resources = [var.execution_role_arn]

    dynamic "condition" {
      for_each = var.access.deployer.permissions_boundary_arn[*]

      content {
        test     = "StringEquals"
        variable = "iam:PermissionsBoundary"
        values   = [condition.value]
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

  # Targets have generated ids, so the service limits them.
  statement {
    sid = "Scale"
    actions = [
      "application-autoscaling:*Tag*", "application-autoscaling:Delete*", "application-autoscaling:Deregister*",
      "application-autoscaling:Put*", "application-autoscaling:Register*",
    ]
    resources = ["${local._here["application-autoscaling"]}scalable-target/*"]

    condition {
      test     = "StringEqualsIfExists"
      variable = "application-autoscaling:service-namespace"
      values   = ["sagemaker"]
    }
  }

  statement {
    sid       = "Watch"
    actions   = ["cloudwatch:*Tag*", "cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"]
    resources = local._alarms
  }

  statement {
    sid       = "Show"
    actions   = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"]
    resources = ["arn:${local._partition}:cloudwatch::${local._account}:dashboard/${local._global_name}"]
  }

  # These actions have no resource type. The lists find what exists outside the state.
  statement {
    sid = "Look"
    actions = [
      "application-autoscaling:Describe*", "ec2:DescribeNetworkInterfaces", "kms:ListAliases", "logs:DescribeLogGroups",
      "sagemaker:ListEndpoint*", "sns:GetSubscriptionAttributes", "sns:ListTopics", "tag:GetResources",
    ]
    resources = ["*"]
  }

  # These have none either; they update subscriptions.
  statement {
    sid       = "Subscriptions"
    actions   = ["sns:SetSubscriptionAttributes", "sns:Unsubscribe"]
    resources = ["*"]
  }

  # Called with a prefix or without names, so it needs all alarms.
  statement {
    sid       = "LookAtAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = ["${local._here.cloudwatch}alarm:*"]
  }

  statement {
    sid = "KeepLogs"
    actions = [
      "logs:*Tag*", "logs:CreateLogGroup", "logs:DeleteRetentionPolicy", "logs:DescribeLogStreams", "logs:GetLogEvents",
      "logs:PutRetentionPolicy",
    ]
    resources = [local._log_group]
  }

  statement {
    sid = "SetUpBucket"
    actions = concat(
      ["s3:GetBucket*", "s3:Get*Configuration", "s3:ListBucket*"],
      var.storage.shared ? [] : ["s3:PutBucket*", "s3:Put*Configuration"],
    )
    resources = [var.storage.bucket_arn]
  }

  statement {
    sid       = "PutModels"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject*", "s3:PutObject*"]
    resources = ["${var.storage.bucket_arn}/${var.storage.prefixes.model}*"]
  }

  statement {
    sid = "Announce"
    actions = [
      "sns:CreateTopic", "sns:DeleteTopic", "sns:GetTopicAttributes", "sns:List*", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:UntagResource", "sqs:CreateQueue", "sqs:DeleteQueue",
      "sqs:GetQueue*", "sqs:ListQueueTags", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue",
    ]
    resources = ["${local._here.sns}${local._named}", "${local._here.sqs}${local._named}"]
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:GetKey*", "kms:ListResourceTags"]
    resources = [var.storage.kms_key_arn]
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

  # These have no resource type either: leftovers of a destroy are found in the account's lists.
  dynamic "statement" {
    for_each = var.access.deployer.destroy ? [true] : []

    content {
      sid = "Search"
      actions = [
        "cloudwatch:ListDashboards", "iam:ListPolicies", "iam:ListRoles", "s3:ListAllMyBuckets", "sagemaker:ListModels", "sqs:ListQueues",
      ]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.access.deployer.destroy && !var.storage.shared ? [true] : []

    content {
      sid       = "DestroyBucket"
      actions   = ["s3:DeleteBucket*", "s3:DeleteObject*"]
      resources = [var.storage.bucket_arn, "${var.storage.bucket_arn}/*"]
    }
  }

  dynamic "statement" {
    for_each = var.access.deployer.destroy ? [true] : []

    content {
      sid     = "Destroy"
      actions = ["iam:DeletePolicy", "iam:DeleteRole", "kms:DeleteAlias", "kms:ScheduleKeyDeletion", "logs:DeleteLogGroup"]
      resources = concat(
        [var.execution_role_arn, local._log_group, "${local._iam}policy/${local._global_name}-*"],
        var.storage.shared ? [] : [var.storage.kms_key_arn, "${local._here.kms}alias/${var.name}"],
      )
    }
  }
}
