# What reads results, and nothing else.
data "aws_iam_policy_document" "collector" {
  statement {
    sid       = "DescribeEndpoint"
    actions   = ["sagemaker:DescribeEndpoint"]
    resources = [var.endpoint_arn]
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

  statement {
    sid       = "DecryptThroughServices"
    actions   = ["kms:Decrypt"]
    resources = [var.storage.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in ["s3", "sqs"] : "${service}.${local._region}.amazonaws.com"]
    }
  }
}

# What puts inputs, invokes, and collects, by the results queue or by a queue of its own for each run (client/result_queue.py).
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
      values   = ["s3.${local._region}.amazonaws.com"]
    }
  }

  statement {
    sid = "OwnQueues"
    actions = [
      "sqs:CreateQueue", "sqs:DeleteMessage", "sqs:DeleteQueue", "sqs:ListQueueTags", "sqs:ReceiveMessage",
      "sqs:TagQueue",
    ]
    resources = ["${local._here.sqs}${substr(local._endpoint_name, 0, 40)}-run-*"]
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
  }

  statement {
    sid       = "FindOwnSubscriptions"
    actions   = ["sns:ListSubscriptionsByTopic"]
    resources = values(var.topic_arns)
  }

  # AWS defines no resource for these actions. By them what a killed run has left is found and removed.
  statement {
    sid       = "ClearUp"
    actions   = ["sns:Unsubscribe", "sqs:ListQueues"]
    resources = ["*"]
  }
}

# What `async-endpoint watch` shows and a smoke test times. It says how much there is, and opens no result.
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

  # AWS defines no resource for these actions.
  statement {
    sid = "Measure"
    actions = [
      "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingActivities", "cloudwatch:GetMetricData",
      "cloudwatch:GetMetricStatistics",
    ]
    resources = ["*"]
  }

  # Who suspended scaling is a tag of the target. Targets have generated ids, so that the service is what narrows them.
  statement {
    sid       = "ReadSuspension"
    actions   = ["application-autoscaling:ListTagsForResource"]
    resources = ["${local._here["application-autoscaling"]}scalable-target/*"]
  }
}
