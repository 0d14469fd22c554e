output "dead_letter_queue" {
  description = "Queue of messages that could not be delivered or were received too often: arn and url."
  value = {
    arn = aws_sqs_queue.dead_letters.arn
    url = aws_sqs_queue.dead_letters.url
  }
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
  value       = { for outcome, topic in aws_sns_topic.this : outcome => topic.arn }

  depends_on = [aws_sns_topic_policy.this]
}
