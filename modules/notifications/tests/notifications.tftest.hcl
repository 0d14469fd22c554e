mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-west-1:123456789012:mocked" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:mocked" }
  }
}

variables {
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
  name        = "shop-test"
}

run "topics" {
  assert {
    condition     = { for outcome, topic in aws_sns_topic.this : outcome => topic.name } == { error = "shop-test-error", success = "shop-test-success" }
    error_message = "Each outcome must have a topic."
  }

  assert {
    condition     = alltrue([for topic in aws_sns_topic.this : topic.kms_master_key_id == var.kms_key_arn])
    error_message = "Topics must be encrypted with the key of the deployment."
  }

  assert {
    condition     = sort(local.topic_arns) == tolist(["arn:aws:sns:eu-west-1:123456789012:shop-test-error", "arn:aws:sns:eu-west-1:123456789012:shop-test-success"])
    error_message = "The ARNs the queues trust must be those the topics get."
  }

  assert {
    condition = alltrue(flatten([
      for document in data.aws_iam_policy_document.topic : [
        for statement in document.statement : contains(
          statement.effect == "Deny" ? ["*"] : ["arn:aws:iam::123456789012:root"],
          one([for principal in statement.principals : one(principal.identifiers)])
        )
      ]
    ]))
    error_message = "Nobody but this account may be allowed anything on a topic."
  }
}

run "queues" {
  assert {
    condition     = aws_sqs_queue.results.name == "shop-test-results" && aws_sqs_queue.results.kms_master_key_id == var.kms_key_arn
    error_message = "The results queue must be encrypted with the key of the deployment."
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.name == "shop-test-dead-letters" && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    error_message = "Dead letters must be encrypted, but not with the key that may be why they are dead."
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.message_retention_seconds == 1209600 && aws_sqs_queue.results.message_retention_seconds == 345600
    error_message = "Dead letters must be kept as long as Amazon SQS can, results for four days."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.results.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 5 }
    error_message = "A message nobody can handle must become a dead letter."
  }

  assert {
    condition = {
      for name, document in data.aws_iam_policy_document.queue : name => one([
        for statement in document.statement :
        "${one(statement.actions)} ${one(statement.resources)} ${one([for principal in statement.principals : one(principal.identifiers)])}"
      ])
      } == {
      dead_letters = "sqs:SendMessage arn:aws:sqs:eu-west-1:123456789012:shop-test-dead-letters sns.amazonaws.com"
      results      = "sqs:SendMessage arn:aws:sqs:eu-west-1:123456789012:shop-test-results sns.amazonaws.com"
    }
    error_message = "Amazon SNS must be able to send to each queue, and nothing more."
  }

  assert {
    condition = alltrue([
      for document in data.aws_iam_policy_document.queue :
      sort(one(one(document.statement).condition).values) == sort(local.topic_arns)
    ])
    error_message = "Only the two topics may send."
  }
}

run "subscriptions" {
  assert {
    condition = {
      for outcome, subscription in aws_sns_topic_subscription.results :
      outcome => subscription.protocol == "sqs" && subscription.endpoint == aws_sqs_queue.results.arn && !subscription.raw_message_delivery
    } == { error = true, success = true }
    error_message = "Both topics must deliver to the results queue, in the envelope of Amazon SNS."
  }

  assert {
    condition = alltrue([
      for subscription in aws_sns_topic_subscription.results :
      jsondecode(subscription.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn }
    ])
    error_message = "What cannot be delivered must become a dead letter."
  }
}
