locals {
  # One subscription per topic, keyed "name:outcome".
  _subscriptions = merge(flatten([
    for name, subscription in var.notifications.subscriptions : [
      for outcome in subscription.outcomes : { "${name}:${outcome}" = merge(subscription, { outcome = outcome }) } if contains(local._outcomes, outcome)
    ]
  ])...)

  # Subscriptions wait for topics created here; a supplied topic exists already.
  _subscribable = { for outcome in local._outcomes : outcome => try(local._topics[outcome].arn, local.topic_arns[outcome]) }
}

resource "aws_sns_topic_subscription" "results" {
  for_each = local._subscribable

  topic_arn            = each.value
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.results.arn
  raw_message_delivery = var.notifications.raw_message_delivery
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters.arn })
}

# An email subscription is pending until its recipient confirms it; Terraform does not wait for that and cannot delete it before.
resource "aws_sns_topic_subscription" "this" {
  for_each = local._subscriptions

  topic_arn            = local._subscribable[each.value.outcome]
  protocol             = each.value.protocol
  endpoint             = each.value.endpoint
  filter_policy        = each.value.filter_policy
  raw_message_delivery = each.value.raw_message_delivery
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters.arn })

  # SageMaker sends no message attributes, so a filter on attributes, Amazon SNS's default scope, would match nothing.
  filter_policy_scope = each.value.filter_policy == null ? null : "MessageBody"
}

# By name, as the provider reads an imported permission back. The qualifier, an alias or a version, is an argument of its own: of one in
# function_name the provider reads back a trimmed ARN, and every apply would replace the permission
# (github.com/hashicorp/terraform-provider-aws issues 889, 38558).
resource "aws_lambda_permission" "deliver" {
  for_each = { for name, subscription in local._subscriptions : name => split(":", subscription.endpoint) if subscription.protocol == "lambda" }

  statement_id  = "${var.name}-${replace(each.key, ":", "-")}"
  action        = "lambda:InvokeFunction"
  function_name = each.value[6] # arn:partition:lambda:region:account:function:name[:qualifier]
  qualifier     = try(each.value[7], null)
  principal     = "sns.amazonaws.com"
  source_arn    = local.topic_arns[local._subscriptions[each.key].outcome]

  lifecycle {
    precondition {
      condition     = "${each.value[3]}:${each.value[4]}" == local._location
      error_message = "Function ${join(":", each.value)} is not in ${data.aws_region.current.id} of account ${local._account}, where its permission would be created. Subscribe it where it is, with a permission for ${local.topic_arns[local._subscriptions[each.key].outcome]}."
    }
  }
}
