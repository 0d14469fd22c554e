output "dead_letter_queue" {
  description = "Dead letter queue, for notifications that could not be delivered or were received max_receives times, and for webhooks that were given up: arn and url."
  value = {
    arn = aws_sqs_queue.dead_letters.arn
    url = aws_sqs_queue.dead_letters.url
  }
}

output "delivery_queue" {
  description = "Delivery queue, for notifications of the API's predictions and for its own retries, once both topics deliver to it: arn and url."
  value = {
    arn = aws_sqs_queue.deliveries.arn
    url = aws_sqs_queue.deliveries.url
  }

  depends_on = [aws_sns_topic_subscription.deliveries]
}
