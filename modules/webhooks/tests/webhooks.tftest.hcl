mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:queue", url = "https://sqs.eu-west-1.amazonaws.com/123456789012/queue" }
  }
}

variables {
  kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/own"
  name               = "shop-test"
  planned_topic_arns = { error = "arn:aws:sns:eu-west-1:123456789012:shop-test-error", success = "arn:aws:sns:eu-west-1:123456789012:shop-test-success" }
  topic_arns         = { error = "arn:aws:sns:eu-west-1:123456789012:shop-test-error", success = "arn:aws:sns:eu-west-1:123456789012:shop-test-success" }
}

run "queues" {
  assert {
    condition = (
      aws_sqs_queue.deliveries.name == "shop-test-deliveries" && aws_sqs_queue.deliveries.kms_master_key_id == var.kms_key_arn
      && aws_sqs_queue.deliveries.message_retention_seconds == 1209600 && aws_sqs_queue.deliveries.visibility_timeout_seconds == 180
      && jsondecode(aws_sqs_queue.deliveries.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 10 }
    )
    error_message = "The delivery queue must be encrypted with the key, and hand messages that no process can handle to its dead letter queue."
  }

  assert {
    condition = (
      aws_sqs_queue.dead_letters.name == "shop-test-delivery-dead-letters" && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
      && aws_sqs_queue.dead_letters.kms_master_key_id == null && aws_sqs_queue.dead_letters.message_retention_seconds == 1209600
    )
    error_message = "Dead letters must be kept for as long as possible, and be encrypted without the key, whose failure may have caused them."
  }
}

run "the_apis_predictions_alone_are_delivered" {
  assert {
    condition = { for outcome, subscription in aws_sns_topic_subscription.deliveries : outcome => jsonencode([
      subscription.topic_arn, subscription.protocol, subscription.filter_policy_scope, jsondecode(subscription.filter_policy), subscription.raw_message_delivery,
      ]) } == {
      error   = jsonencode(["arn:aws:sns:eu-west-1:123456789012:shop-test-error", "sqs", "MessageBody", { inferenceId = [{ prefix = "api-" }] }, true])
      success = jsonencode(["arn:aws:sns:eu-west-1:123456789012:shop-test-success", "sqs", "MessageBody", { inferenceId = [{ prefix = "api-" }] }, true])
    }
    error_message = "Both topics must deliver notifications of inference ids that begin with api-, by the message body: messages have no attributes."
  }

  assert {
    condition = alltrue([
      for subscription in aws_sns_topic_subscription.deliveries :
      subscription.endpoint == aws_sqs_queue.deliveries.arn && jsondecode(subscription.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn }
    ])
    error_message = "An undeliverable notification must become a dead letter."
  }
}

run "without_roles_the_topics_may_send" {
  command = plan

  assert {
    condition = { for queue, document in data.aws_iam_policy_document.queue : queue => [for statement in document.statement :
      "${statement.sid} ${join(" ", statement.actions)} ${one(one(statement.principals).identifiers)} ${join(" ", sort(one(statement.condition).values))}"
      ] } == {
      dead_letters = ["DeliverFromTopics sqs:SendMessage sns.amazonaws.com arn:aws:sns:eu-west-1:123456789012:shop-test-error arn:aws:sns:eu-west-1:123456789012:shop-test-success"]
      deliveries   = ["DeliverFromTopics sqs:SendMessage sns.amazonaws.com arn:aws:sns:eu-west-1:123456789012:shop-test-error arn:aws:sns:eu-west-1:123456789012:shop-test-success"]
    }
    error_message = "Both queues must admit the topics of this endpoint."
  }
}

run "with_roles_every_other_sender_is_denied" {
  command = plan

  variables {
    http_api = { sender_role_arns = ["arn:aws:iam::123456789012:role/shop-api"] }
  }

  assert {
    condition = alltrue([for document in data.aws_iam_policy_document.queue : one([
      for statement in document.statement : {
        for condition in statement.condition : "${condition.test} ${condition.variable}" => join(" ", sort(condition.values))
        } == {
        "ArnNotEquals aws:PrincipalArn" = "arn:aws:iam::123456789012:role/shop-api"
        "ArnNotEquals aws:SourceArn"    = "arn:aws:sns:eu-west-1:123456789012:shop-test-error arn:aws:sns:eu-west-1:123456789012:shop-test-success"
      } && statement.effect == "Deny" && statement.actions == toset(["sqs:SendMessage"])
      if statement.sid == "DenyOtherSenders"
    ])])
    error_message = "Every sender but the topics and the given roles must be denied."
  }
}

run "queues_in_china" {
  command = plan

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "cn-north-1" }
  }

  assert {
    condition     = one(data.aws_iam_policy_document.queue["deliveries"].statement[0].resources) == "arn:aws-cn:sqs:cn-north-1:123456789012:shop-test-deliveries"
    error_message = "ARNs must be of the partition."
  }
}
