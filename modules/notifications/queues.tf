locals {
  _queues = {
    dead_letters = coalesce(var.names.dead_letter_queue, "${var.name}-dead-letters")
    results      = coalesce(var.names.results_queue, "${var.name}-results")
  }
}

data "aws_iam_policy_document" "queue" {
  for_each = local._queues

  statement {
    sid       = "DeliverFromTopics"
    actions   = ["sqs:SendMessage"]
    resources = ["arn:${data.aws_partition.current.partition}:sqs:${local._location}:${each.value}"]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = distinct(values(local.topic_arns))
    }
  }

  # On the results queue alone: consumers trust its messages. Sending only, so that receiving and managing are unaffected.
  dynamic "statement" {
    for_each = each.key == "results" && length(local._publisher_role_arns) > 0 ? [distinct(values(local.topic_arns))] : []

    content {
      sid       = "DenyOtherSenders"
      effect    = "Deny"
      actions   = ["sqs:SendMessage"]
      resources = ["arn:${data.aws_partition.current.partition}:sqs:${local._location}:${each.value}"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "ArnNotEquals"
        variable = "aws:SourceArn"
        values   = statement.value
      }
    }
  }
}

# Not encrypted with the deployment's key: a message that SNS cannot deliver because of that key must still arrive here.
resource "aws_sqs_queue" "dead_letters" {
  name                      = local._queues.dead_letters
  message_retention_seconds = 1209600
  policy                    = data.aws_iam_policy_document.queue["dead_letters"].json
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

# Policy and redrive policy are arguments, not resources: the provider waits another 25 seconds for each such resource.
resource "aws_sqs_queue" "results" {
  name                       = local._queues.results
  kms_master_key_id          = var.kms_key_arn
  message_retention_seconds  = var.notifications.retention_days * 86400
  policy                     = data.aws_iam_policy_document.queue["results"].json
  tags                       = var.tags
  visibility_timeout_seconds = var.notifications.visibility_timeout_seconds

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.notifications.max_receives
  })
}
