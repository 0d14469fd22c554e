data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _location = "${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  _queues = {
    dead_letters = "${var.name}-delivery-dead-letters"
    deliveries   = "${var.name}-deliveries"
  }
  _queue_arns = { for queue, name in local._queues : queue => "arn:${data.aws_partition.current.partition}:sqs:${local._location}:${name}" }
}

data "aws_iam_policy_document" "queue" {
  for_each = local._queues

  statement {
    sid       = "DeliverFromTopics"
    actions   = ["sqs:SendMessage"]
    resources = [local._queue_arns[each.key]]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = distinct(values(var.planned_topic_arns))
    }
  }

  # A Deny, because an identity-based policy of the same account needs no Allow here. Both conditions must hold: a topic has no
  # principal ARN, and a role has no source ARN. Sending only, so that receiving and managing are unaffected.
  dynamic "statement" {
    for_each = length(var.http_api.sender_role_arns) > 0 ? [var.http_api.sender_role_arns] : []

    content {
      sid       = "DenyOtherSenders"
      effect    = "Deny"
      actions   = ["sqs:SendMessage"]
      resources = [local._queue_arns[each.key]]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "ArnNotEquals"
        variable = "aws:SourceArn"
        values   = distinct(values(var.planned_topic_arns))
      }

      condition {
        test     = "ArnNotEquals"
        variable = "aws:PrincipalArn"
        values   = statement.value
      }
    }
  }
}

# Not encrypted with the deployment's key: a notification that SNS cannot deliver because of that key must still arrive here.
resource "aws_sqs_queue" "dead_letters" {
  name                      = local._queues.dead_letters
  message_retention_seconds = 1209600
  policy                    = data.aws_iam_policy_document.queue["dead_letters"].json
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

# Policy and redrive policy are arguments, not resources: the provider waits another 25 seconds for each such resource.
resource "aws_sqs_queue" "deliveries" {
  name                       = local._queues.deliveries
  kms_master_key_id          = var.kms_key_arn
  message_retention_seconds  = var.http_api.retention_days * 86400
  policy                     = data.aws_iam_policy_document.queue["deliveries"].json
  receive_wait_time_seconds  = 20
  tags                       = var.tags
  visibility_timeout_seconds = var.http_api.visibility_timeout_seconds

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.http_api.max_receives
  })
}

# Predictions of the API alone, by the prefix of their inference ids (http_api/predictions/identity.py). SageMaker sends no message
# attributes, so the filter is on the body. Raw, because the API trusts no message: it reads the outcome from Amazon S3.
resource "aws_sns_topic_subscription" "deliveries" {
  for_each = var.topic_arns

  topic_arn            = each.value
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.deliveries.arn
  filter_policy        = jsonencode({ inferenceId = [{ prefix = "api-" }] })
  filter_policy_scope  = "MessageBody"
  raw_message_delivery = true
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters.arn })
}
