data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account  = data.aws_caller_identity.current.account_id
  _location = "${data.aws_region.current.name}:${local._account}"
  _made     = toset([for outcome, topic in var.topics : outcome if topic == null])

  # Policies of topics supplied are their owner's: what they let in is not known here.
  publishers_restricted = length(var.publisher_role_arns) > 0 && length(local._made) == length(var.topics)

  # Computed rather than read from the topics, so that the queues need not wait for them.
  topic_arns = {
    for outcome, topic in var.topics :
    outcome => topic == null ? "arn:${data.aws_partition.current.partition}:sns:${local._location}:${var.name}-${outcome}" : topic.arn
  }
}

resource "aws_sns_topic" "this" {
  for_each = local._made

  name              = "${var.name}-${each.key}"
  kms_master_key_id = var.kms_key_arn
}

data "aws_iam_policy_document" "topic" {
  for_each = local._made

  statement {
    sid       = "AllowOwnAccount"
    actions   = concat(["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:Subscribe"], length(var.publisher_role_arns) == 0 ? ["sns:Publish"] : [])
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

  # A Deny, because whatever an identity-based policy of the account allows needs no Allow here. Publishing only: subscribing and
  # management stay as they are. In a session of a role, aws:PrincipalArn is the ARN of the role; a service has none and is denied.
  dynamic "statement" {
    for_each = length(var.publisher_role_arns) > 0 ? [var.publisher_role_arns] : []

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
