# The most that the execution role can ever be allowed, by any author of its policy: everything that this deployment may need after
# updates of model, image and alarms, and nothing of IAM or of other deployments' data. Model data in another bucket, other topics, keys
# and networks change it, and so need an administrator.
locals {
  # Where data may lie: the deployment's prefixes, and what the model named at the last apply by an administrator.
  _data_arns = distinct(concat(
    local._readable, local._writable, local._dumps,
    [for prefix in compact([try(var.storage.prefixes.model, null)]) : "${var.storage.bucket_arn}/${prefix}*"],
  ))
  _data_buckets = distinct([for arn in local._data_arns : split("/", arn)[0]])
  _all_keys     = distinct(compact(concat(var.storage.kms_key_arn[*], local._data_keys, tolist(var.topic_kms_key_arns))))
}

data "aws_iam_policy_document" "boundary" {
  statement {
    sid       = "Data"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = local._data_arns
  }

  statement {
    sid       = "FindData"
    actions   = ["s3:ListBucket"]
    resources = local._data_buckets
  }

  dynamic "statement" {
    for_each = length(local._all_keys) > 0 ? [local._all_keys] : []

    content {
      sid       = "UseKeys"
      actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = var.storage.kms_key_arn[*]

    content {
      sid       = "EncryptInstanceVolumes"
      actions   = ["kms:CreateGrant"]
      resources = [statement.value]

      condition {
        test     = "Bool"
        variable = "kms:GrantIsForAWSResource"
        values   = ["true"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(compact(values(var.topic_arns))) > 0 ? [compact(values(var.topic_arns))] : []

    content {
      sid       = "AnnounceResults"
      actions   = ["sns:Publish"]
      resources = statement.value
    }
  }

  # An update may bring an image of any repository that admits this account.
  statement {
    sid       = "PullImages"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["arn:${local._partition}:ecr:*:*:repository/*"]
  }

  # These actions have no resource type.
  statement {
    sid       = "LogInToRegistryAndShell"
    actions   = ["ecr:GetAuthorizationToken", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = length(local._credentials_functions) > 0 ? [local._credentials_functions] : []

    content {
      sid       = "AskForRegistryCredentials"
      actions   = ["lambda:InvokeFunction"]
      resources = statement.value
    }
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = flatten([for arn in local._log_group_arns : [arn, "${arn}:*"]])
  }

  statement {
    sid       = "PublishMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["/aws/sagemaker/Endpoints", "AWS/SageMaker"]
    }
  }

  statement {
    sid       = "WatchAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = ["arn:${local._partition}:cloudwatch:${local._region}:${local._account}:alarm:*"]
  }

  dynamic "statement" {
    for_each = length(var.network.subnet_ids) > 0 ? [var.network] : []

    content {
      sid       = "MakeNetworkInterfaces"
      actions   = ["ec2:CreateNetworkInterface"]
      resources = concat(["${local._ec2}:network-interface/*"], local._subnet_arns, [for id in statement.value.security_group_ids : "${local._ec2}:security-group/${id}"])
    }
  }

  dynamic "statement" {
    for_each = length(var.network.subnet_ids) > 0 ? ["${local._ec2}:network-interface/*"] : []

    content {
      sid       = "UseNetworkInterfaces"
      actions   = ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"]
      resources = [statement.value]
    }
  }

  # Describe actions of Amazon EC2 have no resource type.
  dynamic "statement" {
    for_each = length(var.network.subnet_ids) > 0 ? ["*"] : []

    content {
      sid       = "FindNetwork"
      actions   = ["ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_policy" "boundary" {
  count = var.model.role.create_boundary ? 1 : 0

  name        = "${local._derived_name}-boundary"
  description = "Permissions boundary of ${local._role_name}"
  policy      = data.aws_iam_policy_document.boundary.json
  tags        = var.tags

  # Deleted after the role no longer has it: IAM refuses before. Another name comes with another role alone.
  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = length(replace(data.aws_iam_policy_document.boundary.json, "/\\s/", "")) <= 6144
      error_message = "The permissions boundary of the execution role has ${length(replace(data.aws_iam_policy_document.boundary.json, "/\\s/", ""))} characters, and AWS accepts 6144 in a managed policy: give fewer endpoints or model data of their own, or a boundary of your own in model.role.permissions_boundary_arn."
    }
  }
}
