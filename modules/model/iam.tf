data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account   = data.aws_caller_identity.current.account_id
  _partition = data.aws_partition.current.partition

  _log_group_arn  = "arn:${local._partition}:logs:${data.aws_region.current.name}:${local._account}:log-group:/aws/sagemaker/Endpoints/${var.endpoint_name}"
  _objects_arn    = "${var.storage.bucket_arn}/"
  _registry       = split(".", local.image_uri) # account.dkr.ecr.region.…
  _repository     = regex("/([^:@]+)", local.image_uri)[0]
  _repository_arn = "arn:${local._partition}:ecr:${local._registry[3]}:${local._registry[0]}:repository/${local._repository}"

  # All of the model prefix and not one object: during an update and its rollback the previous archive is still read.
  _model_objects_arn = (
    var.archive.path == null
    ? "arn:${local._partition}:s3:::${trimprefix(coalesce(var.archive.s3_uri, "s3://"), "s3://")}"
    : "${local._objects_arn}${var.storage.prefixes.model}*"
  )
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "AssumeBySageMaker"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local._account]
    }
  }
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "ReadModelAndInputs"
    actions   = ["s3:GetObject"]
    resources = [local._model_objects_arn, "${local._objects_arn}${var.storage.prefixes.input}*"]
  }

  statement {
    sid     = "WriteOutputsAndFailures"
    actions = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = [
      "${local._objects_arn}${var.storage.prefixes.failure}*",
      "${local._objects_arn}${var.storage.prefixes.output}*",
    ]
  }

  # On the bucket itself: on bucket/* it does nothing, and a missing input would read as forbidden instead of not found.
  statement {
    sid       = "TellMissingFromForbidden"
    actions   = ["s3:ListBucket"]
    resources = [var.storage.bucket_arn]
  }

  statement {
    sid       = "UseKeyOfDeployment"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.storage.kms_key_arn]
  }

  statement {
    sid       = "EncryptInstanceVolumes"
    actions   = ["kms:CreateGrant"]
    resources = [var.storage.kms_key_arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }

  dynamic "statement" {
    for_each = var.archive.kms_key_arn[*]

    content {
      sid       = "DecryptArchive"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }

  statement {
    sid       = "AnnounceResults"
    actions   = ["sns:Publish"]
    resources = values(var.topic_arns)
  }

  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [local._repository_arn]
  }

  # Amazon ECR defines no resource for this action.
  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = [local._log_group_arn, "${local._log_group_arn}:*"]
  }

  # Amazon CloudWatch defines no resource for this action; the namespaces are what narrows it.
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
}

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  description        = "What SageMaker may do for the model of ${var.endpoint_name}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "execution" {
  name   = "execution"
  role   = aws_iam_role.execution.name
  policy = data.aws_iam_policy_document.execution.json
}
