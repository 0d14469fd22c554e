data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account  = data.aws_caller_identity.current.account_id
  _location = "${data.aws_region.current.id}:${local._account}"
  _names    = { error = var.names.error_topic, success = var.names.success_topic }

  # One topic for both outcomes is that of success. By names and fields, not by ARNs, which may be unknown in a plan.
  _one_topic = var.notifications.topics.both != null || (var.names.error_topic != null && var.names.error_topic == var.names.success_topic)
  _outcomes  = local._one_topic ? ["success"] : ["error", "success"]

  _supplied = {
    for outcome in ["error", "success"] : outcome => var.notifications.topics[outcome] == null ? var.notifications.topics.both : var.notifications.topics[outcome]
  }
  _made  = toset([for outcome in local._outcomes : outcome if local._supplied[outcome] == null && local._names[outcome] == null])
  _named = { for outcome in local._outcomes : outcome => local._names[outcome] if local._names[outcome] != null }

  # Outcomes whose topic's policy is managed here.
  _policed = setunion(local._made, [for outcome in keys(local._named) : outcome if var.notifications.replace_topic_policies == true])

  _publisher_role_arns = var.notifications.restrict_publishers ? var.publisher_role_arns : []

  # Computed rather than read from the topics, so that queues and topics are created in parallel.
  topic_arns = {
    for outcome, topic in local._supplied :
    outcome => topic != null ? topic.arn : "arn:${data.aws_partition.current.partition}:sns:${local._location}:${coalesce(local._names[outcome], "${var.name}-${outcome}")}"
  }

  # Where the policy of a topic is its owner's, its publishers are not known here.
  publishers_restricted = length(local._publisher_role_arns) > 0 && length(setsubtract(local._outcomes, local._policed)) == 0

  _topics = merge(aws_sns_topic.this, aws_sns_topic.imported)
}

resource "aws_sns_topic" "this" {
  for_each = local._made

  name              = "${var.name}-${each.key}"
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

# A topic that existed before stays as it is: its key may be one that its other publishers are admitted to. A resource of its own, because
# ignore_changes cannot depend on a variable.
resource "aws_sns_topic" "imported" {
  #checkov:skip=CKV_AWS_26:The encryption of a topic that exists stays as it is; other publishers may not be able to use another key.
  for_each = local._named

  name = each.value
  tags = var.tags

  lifecycle {
    ignore_changes = [
      application_failure_feedback_role_arn, application_success_feedback_role_arn, application_success_feedback_sample_rate,
      delivery_policy, display_name,
      firehose_failure_feedback_role_arn, firehose_success_feedback_role_arn, firehose_success_feedback_sample_rate,
      http_failure_feedback_role_arn, http_success_feedback_role_arn, http_success_feedback_sample_rate,
      kms_master_key_id,
      lambda_failure_feedback_role_arn, lambda_success_feedback_role_arn, lambda_success_feedback_sample_rate,
      policy, signature_version,
      sqs_failure_feedback_role_arn, sqs_success_feedback_role_arn, sqs_success_feedback_sample_rate,
      tags, tracing_config,
    ]

    # At this address it would be a second resource for a topic that this deployment has made.
    precondition {
      condition     = !contains(["${var.name}-error", "${var.name}-success"], each.value)
      error_message = "Remove ${each.value} from names if this deployment created that topic, which has the name without it. If the topic existed before, give the endpoint another name, or the topic in notifications.topics: a topic created under its name would take it over and replace its policy."
    }
  }
}

# The key of a topic may be given by its alias or id. Every principal of the account may use the AWS managed key through Amazon SNS.
data "aws_kms_key" "imported" {
  for_each = { for outcome, topic in aws_sns_topic.imported : outcome => topic.kms_master_key_id if !contains(["", "alias/aws/sns"], try(coalesce(topic.kms_master_key_id), "")) }

  key_id = each.value
}

data "aws_iam_policy_document" "topic" {
  for_each = local._policed

  statement {
    sid       = "AllowOwnAccount"
    actions   = concat(["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:Subscribe"], length(local._publisher_role_arns) == 0 ? ["sns:Publish"] : [])
    resources = [local._topics[each.key].arn]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${local._account}:root"]
    }
  }

  statement {
    sid       = "DenyInsecureTransport"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local._topics[each.key].arn]

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
      resources = [local._topics[each.key].arn]

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
  for_each = local._policed

  arn    = local._topics[each.key].arn
  policy = data.aws_iam_policy_document.topic[each.key].json
}
