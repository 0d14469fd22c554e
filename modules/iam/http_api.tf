# Processes that serve the endpoint by its HTTP API (http_api/), and those who administer it. Both exist where http_api is given.
locals {
  _http_api = var.http_api[*]

  # The folder of the API below the roles' prefixes (http_api/settings.py, RUN).
  _api_objects = { for role in ["input", "output"] : role => "${var.storage.bucket_arn}/${var.storage.prefixes[role]}api/*" }
}

# Submits predictions, reads their results, and delivers webhooks. It reads API keys and cannot write one; it deletes nothing but messages.
data "aws_iam_policy_document" "api" {
  count = length(local._http_api)

  statement {
    sid       = "Invoke"
    actions   = ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpointAsync"]
    resources = [var.endpoint_arn]
  }

  # Large bodies and uploads: a presigned URL has the permissions of who signed it.
  statement {
    sid       = "PutInputs"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = [local._api_objects.input]
  }

  # SageMaker chooses the keys of failures, and no folder.
  statement {
    sid       = "GetResults"
    actions   = ["s3:GetObject"]
    resources = [local._api_objects.output, "${var.storage.bucket_arn}/${var.storage.prefixes.failure}*"]
  }

  # A secret is created at the first prediction with a webhook, by a conditional write.
  statement {
    sid     = "KeepState"
    actions = ["s3:GetObject", "s3:PutObject"]
    resources = [
      "${var.storage.bucket_arn}/${var.storage.prefixes.predictions}*",
      "${var.storage.bucket_arn}/${var.storage.prefixes.credentials}secrets/*",
    ]
  }

  statement {
    sid       = "ReadKeys"
    actions   = ["s3:GetObject"]
    resources = ["${var.storage.bucket_arn}/${var.storage.prefixes.credentials}keys/*"]
  }

  # "IfExists", because reading a key carries no prefix: without it, what does not exist gives 403 instead of 404.
  statement {
    sid       = "ListState"
    actions   = ["s3:ListBucket"]
    resources = [var.storage.bucket_arn]

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = ["${var.storage.prefixes.credentials}keys/*", "${var.storage.prefixes.predictions}submitted/*"]
    }
  }

  statement {
    sid       = "Deliver"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"]
    resources = local._http_api[*].delivery_queue_arn
  }

  # To the dead letters what has failed for a day.
  statement {
    sid       = "Retry"
    actions   = ["sqs:SendMessage"]
    resources = flatten([for api in local._http_api : [api.dead_letter_queue_arn, api.delivery_queue_arn]])
  }

  # Queue messages are decrypted and encrypted, and so are objects.
  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.storage.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = flatten(values(local._via))
    }
  }

  # This action has no resource type. The backlog, for the page and for refusals.
  statement {
    sid       = "Measure"
    actions   = ["cloudwatch:GetMetricData"]
    resources = ["*"]
  }
}

# Creates and revokes API keys, rotates signing secrets, and delivers dead letters again.
data "aws_iam_policy_document" "api_admin" {
  count = length(local._http_api)

  statement {
    sid       = "WriteCredentials"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.storage.bucket_arn}/${var.storage.prefixes.credentials}*"]
  }

  # "IfExists": see ListState.
  statement {
    sid       = "ListKeys"
    actions   = ["s3:ListBucket"]
    resources = [var.storage.bucket_arn]

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = ["${var.storage.prefixes.credentials}keys/*"]
    }
  }

  statement {
    sid       = "ReadDeadLetters"
    actions   = ["sqs:DeleteMessage", "sqs:ReceiveMessage"]
    resources = local._http_api[*].dead_letter_queue_arn
  }

  statement {
    sid       = "DeliverAgain"
    actions   = ["sqs:SendMessage"]
    resources = local._http_api[*].delivery_queue_arn
  }

  statement {
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.storage.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = flatten(values(local._via))
    }
  }
}
