data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account  = data.aws_caller_identity.current.account_id
  _location = "${data.aws_region.current.name}:${local._account}"
  _made     = toset([for outcome, topic in var.topics : outcome if topic == null])

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
    actions   = ["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:Publish", "sns:Subscribe"]
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
}

resource "aws_sns_topic_policy" "this" {
  for_each = local._made

  arn    = aws_sns_topic.this[each.key].arn
  policy = data.aws_iam_policy_document.topic[each.key].json
}
