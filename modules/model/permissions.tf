# Permissions of the execution role: only what this model's containers, storage, topics and network need.
locals {
  _s3 = "arn:${local._partition}:s3:::"

  # The whole model prefix, not one object: during an update and its rollback the previous archive is still read.
  _uploaded = length(local._keys) > 0 ? [local._model_uri] : []
  _archives = compact(concat(
    [for container in var.containers : container.archive == null ? null : container.model_data_url],
    [for container in var.containers : try(container.model_package.artifact_uri, null)],
  ))
  # Read and listed: the objects of an unpacked model, the archives of a multi-model container.
  _listed = distinct(compact(concat(
    [for container in var.containers : try(container.data_source.s3_uri, null)],
    [for index, container in var.containers : container.multi_model == null ? null : local.model_data_urls[index]],
  )))
  _inputs = [for prefix in compact([var.storage.prefixes.input]) : "s3://${var.storage.bucket_name}/${prefix}"]
  _readable = distinct(concat(
    [for uri in concat(local._uploaded, local._listed, local._inputs) : "${local._s3}${trimprefix(uri, "s3://")}*"],
    [for uri in local._archives : "${local._s3}${trimprefix(uri, "s3://")}"],
  ))
  _writable = [
    for prefix in compact([var.storage.prefixes.capture, var.storage.prefixes.failure, var.storage.prefixes.output]) : "${var.storage.bucket_arn}/${prefix}*"
  ]

  _dumps = [for uri in var.core_dump_uris : "${local._s3}${trimsuffix(trimprefix(uri, "s3://"), "/")}/*"]

  # API reference, ProductionVariantCoreDumpConfig: core dumps under a key need kms:Encrypt.
  _key_actions = concat(["kms:Decrypt"], length(local._dumps) > 0 ? ["kms:Encrypt"] : [], length(concat(local._dumps, local._writable)) > 0 ? ["kms:GenerateDataKey"] : [])

  _data_keys = flatten(var.containers[*].kms_key_arns)

  # account.dkr.ecr.region.…
  _ecr_uris = flatten(var.containers[*].ecr_uris)
  _repository_arns = distinct([
    for uri in local._ecr_uris :
    "arn:${local._partition}:ecr:${split(".", uri)[3]}:${split(".", uri)[0]}:repository/${regex("/([^:@]+)", uri)[0]}"
  ])

  _credentials_functions = distinct(compact([for container in var.containers : try(container.private_registry.credentials_function_arn, null)]))

  _log_group_arns = [for name in var.endpoint_names : "arn:${local._partition}:logs:${local._region}:${local._account}:log-group:/aws/sagemaker/Endpoints/${name}"]

  _ec2 = "arn:${local._partition}:ec2:${local._region}:${local._account}"
  # Any account: a subnet may be shared from another one, and its id is unique.
  _subnet_arns = [for id in var.network.subnet_ids : "arn:${local._partition}:ec2:${local._region}:*:subnet/${id}"]
}

data "aws_iam_policy_document" "execution" {
  dynamic "statement" {
    for_each = length(local._readable) > 0 ? [local._readable] : []

    content {
      sid       = "ReadModelAndInputs"
      actions   = ["s3:GetObject"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(local._writable) > 0 ? [local._writable] : []

    content {
      sid       = "WriteResults"
      actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(local._dumps) > 0 ? [local._dumps] : []

    content {
      sid       = "WriteCoreDumps"
      actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
      resources = statement.value
    }
  }

  # On the bucket itself: on bucket/* it has no effect, and a missing input would give 403 instead of 404.
  dynamic "statement" {
    for_each = length(local._inputs) > 0 ? [var.storage.bucket_arn] : []

    content {
      sid       = "TellMissingFromForbidden"
      actions   = ["s3:ListBucket"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = { for place, uri in local._listed : place => split("/", trimprefix(uri, "s3://")) }

    content {
      sid       = "ListModels${statement.key}"
      actions   = ["s3:ListBucket"]
      resources = ["${local._s3}${statement.value[0]}"]

      condition {
        test     = "StringLike"
        variable = "s3:prefix"
        values   = ["${join("/", slice(statement.value, 1, length(statement.value)))}*"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.storage.kms_key_arn[*]

    content {
      sid       = "UseKeyOfDeployment"
      actions   = local._key_actions
      resources = [statement.value]
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
    for_each = length(local._data_keys) > 0 ? [distinct(local._data_keys)] : []

    content {
      sid       = "DecryptModel"
      actions   = ["kms:Decrypt"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length([for arn in values(var.topic_arns) : arn if arn != null]) > 0 ? [[for arn in values(var.topic_arns) : arn if arn != null]] : []

    content {
      sid       = "AnnounceResults"
      actions   = ["sns:Publish"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(var.topic_kms_key_arns) > 0 ? [var.topic_kms_key_arns] : []

    content {
      sid       = "EncryptAnnouncements"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = length(local._repository_arns) > 0 ? [local._repository_arns] : []

    content {
      sid       = "PullImage"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = statement.value
    }
  }

  # This action has no resource type.
  dynamic "statement" {
    for_each = length(local._repository_arns) > 0 ? ["*"] : []

    content {
      sid       = "LogInToRegistry"
      actions   = ["ecr:GetAuthorizationToken"]
      resources = [statement.value]
    }
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

  # This action has no resource type; the namespaces limit it.
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

  # SageMaker guide, "Access containers through SSM". These actions have no resource type.
  dynamic "statement" {
    for_each = var.enable_ssm_access ? ["*"] : []

    content {
      sid       = "OpenShellChannels"
      actions   = ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
      resources = [statement.value]
    }
  }

  # SageMaker guide, "Auto-Rollback Configuration and Monitoring": for the given alarms.
  dynamic "statement" {
    for_each = length(var.rollback_alarm_names) > 0 ? [var.rollback_alarm_names] : []

    content {
      sid       = "WatchAlarms"
      actions   = ["cloudwatch:DescribeAlarms"]
      resources = [for name in statement.value : "arn:${local._partition}:cloudwatch:${local._region}:${local._account}:alarm:${name}"]
    }
  }

  # SageMaker guide, "Give SageMaker AI hosted endpoints access to resources in your Amazon VPC", for these subnets and groups.
  dynamic "statement" {
    for_each = length(var.network.subnet_ids) > 0 ? [var.network] : []

    content {
      sid       = "MakeNetworkInterfaces"
      actions   = ["ec2:CreateNetworkInterface"]
      resources = concat(["${local._ec2}:network-interface/*"], local._subnet_arns, [for id in statement.value.security_group_ids : "${local._ec2}:security-group/${id}"])
    }
  }

  dynamic "statement" {
    for_each = length(var.network.subnet_ids) > 0 ? [local._subnet_arns] : []

    content {
      sid = "UseNetworkInterfaces"
      actions = [
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
      ]
      resources = ["${local._ec2}:network-interface/*"]

      condition {
        test     = "ArnLike"
        variable = "ec2:Subnet"
        values   = statement.value
      }
    }
  }

  # Describe actions of Amazon EC2 have no resource type.
  dynamic "statement" {
    for_each = length(var.network.subnet_ids) > 0 ? ["*"] : []

    content {
      sid = "FindNetwork"
      actions = [
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
      ]
      resources = [statement.value]
    }
  }
}
