data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account  = data.aws_caller_identity.current.account_id
  _location = "${data.aws_region.current.id}:${local._account}"
  _made     = toset([for outcome, topic in var.notifications.topics : outcome if topic == null])

  _publisher_role_arns = var.notifications.restrict_publishers ? var.publisher_role_arns : []

  # The policy of a supplied topic is its owner's, so its publishers are not known here.
  publishers_restricted = length(local._publisher_role_arns) > 0 && length(local._made) == length(var.notifications.topics)

  # Computed rather than read from the topics, so that queues and topics are created in parallel.
  topic_arns = {
    for outcome, topic in var.notifications.topics :
    outcome => topic == null ? "arn:${data.aws_partition.current.partition}:sns:${local._location}:${var.name}-${outcome}" : topic.arn
  }
}

resource "aws_sns_topic" "this" {
  for_each = local._made

  name              = "${var.name}-${each.key}"
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

data "aws_iam_policy_document" "topic" {
  for_each = local._made

  statement {
    sid       = "AllowOwnAccount"
    actions   = concat(["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:Subscribe"], length(local._publisher_role_arns) == 0 ? ["sns:Publish"] : [])
    resources = [aws_sns_topic.this[each.key].arn]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${local._account}:root"]
    }
  }

  statement {
    sid       = "DenyInsecureTransport"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this[each.key].arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # A Deny, because an identity-based policy of the same account needs no Allow here. Publishing only: subscribing and managing
  # topics are unaffected. In a role session, aws:PrincipalArn is the ARN of the role; a service has none and is denied.
  dynamic "statement" {
    for_each = length(local._publisher_role_arns) > 0 ? [local._publisher_role_arns] : []

    content {
      sid       = "DenyOtherPublishers"
      effect    = "Deny"
      actions   = ["sns:Publish"]
      resources = [aws_sns_topic.this[each.key].arn]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "ArnNotEquals"
        variable = "aws:PrincipalArn"
        values   = statement.value
      }
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  for_each = local._made

  arn    = aws_sns_topic.this[each.key].arn
  policy = data.aws_iam_policy_document.topic[each.key].json
}
