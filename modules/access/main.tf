data "aws_region" "current" {}

locals {
  # As client/announcements.py names them: the endpoint's name, 40 characters of it at most.
  _queue_name_prefix = "${substr(element(split("/", var.endpoint_arn), 1), 0, 40)}-run-"
  _queue_arn_prefix  = join(":", slice(split(":", var.results_queue_arn), 0, 5))
  _run_queues_arn    = "${local._queue_arn_prefix}:${local._queue_name_prefix}*"
}

# What one caller needs to put inputs, invoke, and collect results.
data "aws_iam_policy_document" "caller" {
  statement {
    sid       = "Invoke"
    actions   = ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpointAsync"]
    resources = [var.endpoint_arn]
  }

  statement {
    sid       = "PutInputs"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = ["${var.storage.bucket_arn}/${var.storage.prefixes.input}*"]
  }

  statement {
    sid     = "GetResults"
    actions = ["s3:GetObject"]
    resources = [
      "${var.storage.bucket_arn}/${var.storage.prefixes.failure}*",
      "${var.storage.bucket_arn}/${var.storage.prefixes.output}*",
    ]
  }

  # "IfExists", because reading a key carries no prefix: without this a result that is not there yet answers 403 and not 404.
  statement {
    sid       = "ListResults"
    actions   = ["s3:ListBucket"]
    resources = [var.storage.bucket_arn]

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = ["${var.storage.prefixes.failure}*", "${var.storage.prefixes.output}*"]
    }
  }

  statement {
    sid       = "ReceiveNotifications"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    resources = [var.results_queue_arn]
  }

  # A queue for the time of a run, that hears of the run's own requests alone.
  statement {
    sid = "OwnQueues"
    actions = [
      "sqs:CreateQueue",
      "sqs:DeleteMessage",
      "sqs:DeleteQueue",
      "sqs:ListQueueTags",
      "sqs:ReceiveMessage",
      "sqs:TagQueue",
    ]
    resources = [local._run_queues_arn]
  }

  # To find those that killed processes left behind. The action takes no resource.
  statement {
    sid       = "FindQueues"
    actions   = ["sqs:ListQueues"]
    resources = ["*"]
  }

  statement {
    sid       = "FindSubscriptions"
    actions   = ["sns:ListSubscriptionsByTopic"]
    resources = values(var.topic_arns)
  }

  statement {
    sid       = "SubscribeOwnQueue"
    actions   = ["sns:Subscribe"]
    resources = values(var.topic_arns)

    condition {
      test     = "StringEquals"
      variable = "sns:Protocol"
      values   = ["sqs"]
    }
  }

  statement {
    sid       = "Unsubscribe"
    actions   = ["sns:Unsubscribe"]
    resources = values(var.topic_arns)
  }

  statement {
    sid       = "UseKeyThroughServices"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.storage.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in ["s3", "sqs"] : "${service}.${data.aws_region.current.name}.amazonaws.com"]
    }
  }
}

resource "aws_iam_policy" "caller" {
  count = var.create_policy ? 1 : 0

  name        = "${var.name}-caller"
  description = "Invoke ${var.name} and collect its results"
  policy      = data.aws_iam_policy_document.caller.json
}
