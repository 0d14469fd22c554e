output "dead_letter_queue" {
  description = "Dead letter queue, for messages that could not be delivered or were received max_receives times: arn and url."
  value = {
    arn = aws_sqs_queue.dead_letters.arn
    url = aws_sqs_queue.dead_letters.url
  }
}

output "imported_key_arns" {
  description = "ARNs of the KMS keys of imported topics, which a plan describes."
  value       = [for key in data.aws_kms_key.imported : key.arn]
}

output "planned_topic_arns" {
  description = "Topic ARNs by outcome: error, success. Known before the topics are created."
  value       = local.topic_arns
}

output "publishers_restricted" {
  description = "Whether both topics deny every publisher but publisher_role_arns, and the results queue every sender but the topics. False where the policy of a topic is its owner's: it is supplied, or imported without notifications.replace_topic_policies."
  value       = local.publishers_restricted
}

output "results_queue" {
  description = "Results queue, for notifications of both outcomes, once both topics deliver to it: arn and url."
  value = {
    arn = aws_sqs_queue.results.arn
    url = aws_sqs_queue.results.url
  }

  depends_on = [aws_sns_topic_subscription.results]
}

output "subscribable_topic_arns" {
  description = "Topics that can be subscribed to, by outcome: one for both outcomes is that of success alone."
  value       = local._subscribable

  depends_on = [aws_sns_topic_policy.this]
}

output "topic_arns" {
  description = "Topic ARNs by outcome: error, success. They accept messages; the results queue may still be being created."
  value       = { for outcome in ["error", "success"] : outcome => local._subscribable[local._one_topic ? "success" : outcome] }

  depends_on = [aws_sns_topic_policy.this]

  precondition {
    condition     = alltrue([for arn in values(local.topic_arns) : strcontains(arn, ":sns:${local._location}:")])
    error_message = "Topics must be in ${data.aws_region.current.id} and account ${local._account}, as the endpoint is: Amazon SageMaker publishes in its own region, and policies of other accounts are not readable. Give topics there, or remove notifications.topics to create them."
  }
}

output "topic_kms_key_arns" {
  description = "ARNs of the KMS keys of supplied and imported topics, which the execution role must be allowed to use (variable topic_kms_key_arns of module model)."
  value = distinct(concat(
    [for topic in values(var.notifications.topics) : topic.kms_key_arn if try(topic.kms_key_arn, null) != null],
    [for key in data.aws_kms_key.imported : key.arn],
  ))

  # Publish has errors of keys, CreateTopic has none (service model): a wrong one is noticed when results are announced.
  precondition {
    condition = alltrue([
      for arn in concat([var.kms_key_arn], [for topic in values(var.notifications.topics) : topic.kms_key_arn if try(topic.kms_key_arn, null) != null]) :
      split(":", arn)[3] == data.aws_region.current.id
    ])
    error_message = "Keys of topics and queues (kms_key_arn, notifications.topics.*.kms_key_arn) must be in ${data.aws_region.current.id}: AWS services use keys of their own region. Give a key there, or a replica of it."
  }
}
