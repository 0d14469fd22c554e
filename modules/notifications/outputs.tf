output "dead_letter_queue" {
  description = "Queue of messages that could not be delivered or were received too often: arn and url."
  value = {
    arn = aws_sqs_queue.dead_letters.arn
    url = aws_sqs_queue.dead_letters.url
  }
}

output "publishers_restricted" {
  description = "Whether every publisher but publisher_role_arns is denied on both topics, and every sender but the topics on the results queue. False where a topic is supplied, whose policy is its owner's."
  value       = local.publishers_restricted
}

output "results_queue" {
  description = "Queue of success and error notifications, once both topics deliver to it: arn and url."
  value = {
    arn = aws_sqs_queue.results.arn
    url = aws_sqs_queue.results.url
  }

  depends_on = [aws_sns_topic_subscription.results]
}

output "topic_arns" {
  description = "Topic ARNs by outcome: error, success. They accept messages; the queue behind them may still be in the making."
  value       = local._subscribable

  depends_on = [aws_sns_topic_policy.this]

  precondition {
    condition     = alltrue([for arn in values(local.topic_arns) : strcontains(arn, ":sns:${local._location}:")])
    error_message = "Topics must lie in ${data.aws_region.current.name} and belong to account ${local._account}, as the endpoint does: Amazon SageMaker publishes to topics of its own region, and policies of other accounts cannot be seen from here. Give topics from there, or leave them out to have them made."
  }
}

output "topic_kms_key_arns" {
  description = "Keys of topics that are brought, which the execution role must be allowed to use (variable topic_kms_key_arns of module model)."
  value       = distinct([for topic in values(var.topics) : topic.kms_key_arn if try(topic.kms_key_arn, null) != null])
}
