# Reads results, nothing else.
data "aws_iam_policy_document" "collector" {
  statement {
    sid       = "DescribeEndpoint"
    actions   = ["sagemaker:DescribeEndpoint"]
    resources = [var.endpoint_arn]
  }

  # Output paths and topics, for a client that has the endpoint's name alone (AsyncEndpoint.from_name).
  statement {
    sid       = "DescribeConfiguration"
    actions   = ["sagemaker:DescribeEndpointConfig"]
    resources = local._configurations
  }

  statement {
    sid     = "GetResults"
    actions = ["s3:GetObject"]
    resources = [
      "${var.storage.bucket_arn}/${var.storage.prefixes.failure}*",
      "${var.storage.bucket_arn}/${var.storage.prefixes.output}*",
    ]
  }

  # "IfExists", because reading a key carries no prefix: without it, a result that does not exist yet gives 403 instead of 404.
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

  statement {
    sid       = "DecryptThroughServices"
    actions   = ["kms:Decrypt"]
    resources = [var.storage.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = flatten(values(local._via))
    }
  }
}

# Uploads inputs, invokes, and collects results through the results queue or a reply queue, which it leases by an object below the
# inputs (client/reply_queue.py, client/queue_leases.py).
data "aws_iam_policy_document" "caller" {
  source_policy_documents = [data.aws_iam_policy_document.collector.json]

  statement {
    sid       = "Invoke"
    actions   = ["sagemaker:InvokeEndpointAsync"]
    resources = [var.endpoint_arn]
  }

  statement {
    sid       = "PutInputs"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = ["${var.storage.bucket_arn}/${var.storage.prefixes.input}*"]
  }

  statement {
    sid       = "EncryptInputs"
    actions   = ["kms:GenerateDataKey"]
    resources = [var.storage.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = local._via.s3
    }
  }

  statement {
    sid = "OwnQueues"
    actions = [
      "sqs:CreateQueue", "sqs:DeleteMessage", "sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:ListQueueTags", "sqs:PurgeQueue",
      "sqs:ReceiveMessage", "sqs:TagQueue",
    ]
    resources = [local._own_queues]
  }

  statement {
    sid       = "LeaseQueues"
    actions   = ["s3:DeleteObject", "s3:GetObject"]
    resources = ["${var.storage.bucket_arn}/${var.storage.prefixes.input}_queues/*"]
  }

  statement {
    sid       = "ListLeases"
    actions   = ["s3:ListBucket"]
    resources = [var.storage.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.storage.prefixes.input}_queues/*"]
    }
  }

  statement {
    sid       = "SubscribeOwnQueues"
    actions   = ["sns:Subscribe"]
    resources = values(var.topic_arns)

    condition {
      test     = "StringEquals"
      variable = "sns:Protocol"
      values   = ["sqs"]
    }

    condition {
      test     = "StringLike"
      variable = "sns:Endpoint"
      values   = [local._own_queues]
    }
  }

  statement {
    sid       = "FindOwnSubscriptions"
    actions   = ["sns:ListSubscriptionsByTopic"]
    resources = values(var.topic_arns)
  }

  # These actions have no resource type. They find and remove queues that nothing uses.
  statement {
    sid       = "ClearUp"
    actions   = ["sns:Unsubscribe", "sqs:ListQueues"]
    resources = ["*"]
  }
}

# For `async-endpoint watch`, `async-endpoint logs` and the timing of a smoke test. Lists results, but does not read them.
data "aws_iam_policy_document" "watcher" {
  statement {
    sid       = "DescribeEndpoint"
    actions   = ["sagemaker:DescribeEndpoint"]
    resources = [var.endpoint_arn]
  }

  statement {
    sid       = "ListResults"
    actions   = ["s3:ListBucket"]
    resources = [var.storage.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.storage.prefixes.failure}*", "${var.storage.prefixes.output}*"]
    }
  }

  # These actions have no resource type.
  statement {
    sid = "Measure"
    actions = [
      "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingActivities", "cloudwatch:GetMetricData",
      "cloudwatch:GetMetricStatistics",
    ]
    resources = ["*"]
  }

  # What containers print may quote requests: give the watcher policy to those who may read them.
  statement {
    sid       = "ReadLogs"
    actions   = ["logs:DescribeLogStreams", "logs:FilterLogEvents"]
    resources = local._log_group
  }

  # The suspension record is a tag of the target. Targets have generated ids, so the service limits them.
  statement {
    sid       = "ReadSuspension"
    actions   = ["application-autoscaling:ListTagsForResource"]
    resources = ["${local._here["application-autoscaling"]}scalable-target/*"]
  }
}
