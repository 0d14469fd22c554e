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
    condition     = sort(values(local.topic_arns)) == tolist(["arn:aws:sns:eu-west-1:123456789012:shop-test-error", "arn:aws:sns:eu-west-1:123456789012:shop-test-success"])
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
    error_message = "Only this account may be allowed anything on a topic."
  }
}

run "queues" {
  assert {
    condition     = aws_sqs_queue.results.name == "shop-test-results" && aws_sqs_queue.results.kms_master_key_id == var.kms_key_arn
    error_message = "The results queue must be encrypted with the key of the deployment."
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.name == "shop-test-dead-letters" && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    error_message = "Dead letters must be encrypted, but not with the key that may have prevented their delivery."
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.message_retention_seconds == 1209600 && aws_sqs_queue.results.message_retention_seconds == 345600
    error_message = "Dead letters must be kept as long as Amazon SQS can, results for four days."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.results.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 5 }
    error_message = "A message that no consumer can process must become a dead letter."
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
      sort(one(one(document.statement).condition).values) == sort(values(local.topic_arns))
    ])
    error_message = "Only the two topics may send."
  }
}

run "nothing_is_denied_without_a_publisher" {
  command = plan

  assert {
    condition = (
      !output.publishers_restricted
      && !contains(flatten([for document in merge(data.aws_iam_policy_document.topic, data.aws_iam_policy_document.queue) : document.statement[*].sid]), "DenyOtherPublishers")
      && !contains(data.aws_iam_policy_document.queue["results"].statement[*].sid, "DenyOtherSenders")
    )
    error_message = "Without a publisher nothing may be denied, and the output must be false."
  }
}

run "one_publisher" {
  variables {
    publisher_role_arns = ["arn:aws:iam::123456789012:role/team/shop-test-execution"]
  }

  assert {
    condition     = output.publishers_restricted
    error_message = "The output must state that messages can be trusted."
  }

  assert {
    condition = alltrue([
      for outcome, document in data.aws_iam_policy_document.topic : one([
        for statement in document.statement : "${statement.effect} ${one(statement.actions)} ${one(one(statement.principals).identifiers)} ${one(statement.condition).test} ${one(statement.condition).variable} ${one(one(statement.condition).values)}"
        if statement.sid == "DenyOtherPublishers"
      ]) == "Deny sns:Publish * ArnNotEquals aws:PrincipalArn arn:aws:iam::123456789012:role/team/shop-test-execution"
    ])
    error_message = "Every publisher but the role must be denied publishing, and nothing else, on both topics."
  }

  assert {
    condition     = !contains(flatten([for document in data.aws_iam_policy_document.topic : [for statement in document.statement : statement.actions if statement.effect == "Allow"]]), "sns:Publish")
    error_message = "The account may be allowed to subscribe, not to publish."
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.queue["results"].statement : "${statement.effect} ${one(statement.actions)} ${one(statement.condition).test} ${one(statement.condition).variable} ${join(" ", sort(one(statement.condition).values))}"
      if statement.sid == "DenyOtherSenders"
    ]) == "Deny sqs:SendMessage ArnNotEquals aws:SourceArn arn:aws:sns:eu-west-1:123456789012:shop-test-error arn:aws:sns:eu-west-1:123456789012:shop-test-success"
    error_message = "Every sender to the results queue but the topics must be denied."
  }

  assert {
    condition     = data.aws_iam_policy_document.queue["dead_letters"].statement[*].sid == tolist(["DeliverFromTopics"])
    error_message = "The dead letter queue must not be affected."
  }
}

run "a_supplied_topic_is_not_restricted" {
  command = plan

  variables {
    publisher_role_arns = ["arn:aws:iam::123456789012:role/shop-test-execution"]
    notifications       = { topics = { error = { arn = "arn:aws:sns:eu-west-1:123456789012:team-errors" } } }
  }

  assert {
    condition     = !output.publishers_restricted && keys(data.aws_iam_policy_document.topic) == ["success"]
    error_message = "Publishers of a supplied topic are not known, so the output must not claim that they are restricted."
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
    error_message = "An undeliverable message must become a dead letter."
  }
}

run "subscribers" {
  command = plan

  variables {
    notifications = {
      subscriptions = {
        on-call  = { protocol = "email", endpoint = "on-call@example.com", outcomes = ["error"] }
        hook     = { protocol = "https", endpoint = "https://example.com/results", outcomes = ["success"], raw_message_delivery = true }
        alias    = { protocol = "lambda", endpoint = "arn:aws:lambda:eu-west-1:123456789012:function:collect:live", outcomes = ["error"] }
        function = { protocol = "lambda", endpoint = "arn:aws:lambda:eu-west-1:123456789012:function:collect", outcomes = ["success"] }
        nightly = {
          protocol      = "sqs"
          endpoint      = "arn:aws:sqs:eu-west-1:123456789012:nightly"
          filter_policy = jsonencode({ inferenceId = [{ prefix = "nightly-" }] })
        }
      }
    }
  }

  assert {
    condition = {
      for name, subscription in aws_sns_topic_subscription.this : name => "${subscription.protocol} ${subscription.endpoint} ${subscription.raw_message_delivery}"
      } == {
      "alias:error"      = "lambda arn:aws:lambda:eu-west-1:123456789012:function:collect:live false"
      "function:success" = "lambda arn:aws:lambda:eu-west-1:123456789012:function:collect false"
      "hook:success"     = "https https://example.com/results true"
      "nightly:error"    = "sqs arn:aws:sqs:eu-west-1:123456789012:nightly false"
      "nightly:success"  = "sqs arn:aws:sqs:eu-west-1:123456789012:nightly false"
      "on-call:error"    = "email on-call@example.com false"
    }
    error_message = "Each subscription must be for its outcomes and for no other."
  }

  assert {
    condition = {
      for name, subscription in aws_sns_topic_subscription.this : name => subscription.filter_policy_scope if subscription.filter_policy != null
    } == { "nightly:error" = "MessageBody", "nightly:success" = "MessageBody" }
    error_message = "A filter must match the message body: messages have no attributes."
  }

  assert {
    condition = alltrue([
      for subscription in aws_sns_topic_subscription.this :
      jsondecode(subscription.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn }
    ])
    error_message = "Undeliverable messages of every subscription must become dead letters."
  }

  assert {
    condition = {
      for name, permission in aws_lambda_permission.deliver : name => "${permission.function_name} ${coalesce(permission.qualifier, "-")} ${permission.source_arn} ${permission.principal}"
      } == {
      "alias:error"      = "collect live arn:aws:sns:eu-west-1:123456789012:shop-test-error sns.amazonaws.com"
      "function:success" = "collect - arn:aws:sns:eu-west-1:123456789012:shop-test-success sns.amazonaws.com"
    }
    error_message = "A function must be callable for the topic it is subscribed to and for no other, and an alias by its qualifier."
  }
}

run "a_topic_that_exists" {
  command = plan

  variables {
    notifications = { topics = { error = { arn = "arn:aws:sns:eu-west-1:123456789012:team-errors", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/team" } } }
  }

  assert {
    condition     = keys(aws_sns_topic.this) == ["success"] && keys(aws_sns_topic_policy.this) == ["success"]
    error_message = "A supplied topic must be neither created nor given a policy."
  }

  assert {
    condition     = output.topic_arns.error == "arn:aws:sns:eu-west-1:123456789012:team-errors" && aws_sns_topic_subscription.results["error"].topic_arn == output.topic_arns.error
    error_message = "A supplied topic must be used and deliver to the results queue."
  }

  assert {
    condition = alltrue([
      for document in data.aws_iam_policy_document.queue : contains(one(one(document.statement).condition).values, "arn:aws:sns:eu-west-1:123456789012:team-errors")
    ])
    error_message = "The queues must take its messages."
  }

  assert {
    condition     = output.topic_kms_key_arns == tolist(["arn:aws:kms:eu-west-1:123456789012:key/team"])
    error_message = "Its key must be known, for the execution role."
  }
}

run "refuses_a_key_of_another_region" {
  command         = plan
  expect_failures = [output.topic_kms_key_arns]

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/own"
  }
}

run "refuses_a_key_of_a_topic_in_another_region" {
  command         = plan
  expect_failures = [output.topic_kms_key_arns]

  variables {
    notifications = { topics = { error = { arn = "arn:aws:sns:eu-west-1:123456789012:team-errors", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/team" } } }
  }
}

run "refuses_a_function_of_another_region" {
  command         = plan
  expect_failures = [aws_lambda_permission.deliver]

  variables {
    notifications = {
      subscriptions = { collect = { protocol = "lambda", endpoint = "arn:aws:lambda:us-east-1:123456789012:function:collect", outcomes = ["error"] } }
    }
  }
}

run "refuses_a_function_of_another_account" {
  command         = plan
  expect_failures = [aws_lambda_permission.deliver]

  variables {
    notifications = {
      subscriptions = { collect = { protocol = "lambda", endpoint = "arn:aws:lambda:eu-west-1:210987654321:function:collect", outcomes = ["error"] } }
    }
  }
}

run "refuses_a_topic_of_another_region" {
  command         = plan
  expect_failures = [output.topic_arns]

  variables {
    notifications = { topics = { error = { arn = "arn:aws:sns:us-east-1:123456789012:team-errors" } } }
  }
}

run "refuses_a_topic_of_another_account" {
  command         = plan
  expect_failures = [output.topic_arns]

  variables {
    notifications = { topics = { success = { arn = "arn:aws:sns:eu-west-1:210987654321:team-results" } } }
  }
}

run "topics_in_china" {
  command = plan

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "cn-north-1" }
  }

  variables {
    kms_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/own"
    notifications = {
      subscriptions = { collect = { protocol = "lambda", endpoint = "arn:aws-cn:lambda:cn-north-1:123456789012:function:collect:7", outcomes = ["error"] } }
    }
  }

  assert {
    condition = (
      local.topic_arns.error == "arn:aws-cn:sns:cn-north-1:123456789012:shop-test-error"
      && aws_lambda_permission.deliver["collect:error"].function_name == "collect"
      && aws_lambda_permission.deliver["collect:error"].qualifier == "7"
      && aws_lambda_permission.deliver["collect:error"].principal == "sns.amazonaws.com"
    )
    error_message = "ARNs must be of the partition; the principal of Amazon SNS is the same in every one."
  }
}

run "imported_topics_stay_as_they_are" {
  variables {
    names               = { dead_letter_queue = "Dead", error_topic = "Errors", results_queue = "Answers", success_topic = "Results" }
    notifications       = { replace_topic_policies = false }
    publisher_role_arns = ["arn:aws:iam::123456789012:role/shop"]
  }

  assert {
    condition     = { for outcome, topic in aws_sns_topic.imported : outcome => topic.name } == { error = "Errors", success = "Results" } && length(aws_sns_topic.this) == 0
    error_message = "The topics must have the names that they have."
  }

  assert {
    condition     = length(aws_sns_topic_policy.this) == 0 && !output.publishers_restricted
    error_message = "Their policies must stay, so that their publishers are not known."
  }

  assert {
    condition     = output.planned_topic_arns.success == "arn:aws:sns:eu-west-1:123456789012:Results"
    error_message = "The ARNs that others compute must be those of the topics."
  }

  assert {
    condition     = aws_sqs_queue.results.name == "Answers" && aws_sqs_queue.dead_letters.name == "Dead" && keys(aws_sns_topic_subscription.results) == ["error", "success"]
    error_message = "Both must deliver to the results queue, which has the name that it has."
  }
}

run "policies_of_imported_topics_are_a_choice" {
  command = plan

  variables {
    names               = { success_topic = "Results" }
    notifications       = { replace_topic_policies = true }
    publisher_role_arns = ["arn:aws:iam::123456789012:role/shop"]
  }

  assert {
    condition     = keys(aws_sns_topic_policy.this) == ["error", "success"] && output.publishers_restricted
    error_message = "With their policies replaced, the publishers of imported topics are restricted as those of created ones."
  }
}

run "one_imported_topic_for_both_outcomes" {
  variables {
    names         = { error_topic = "Results", success_topic = "Results" }
    notifications = { replace_topic_policies = false, subscriptions = { on-call = { protocol = "email", endpoint = "on-call@example.com" } } }
  }

  assert {
    condition = (
      keys(aws_sns_topic.imported) == ["success"] && keys(aws_sns_topic_subscription.results) == ["success"] && keys(aws_sns_topic_subscription.this) == ["on-call:success"]
      && output.topic_arns.error == output.topic_arns.success && keys(output.subscribable_topic_arns) == ["success"]
    )
    error_message = "One topic must be one resource with one subscription for each subscriber, and serve both outcomes."
  }
}

run "one_supplied_topic_for_both_outcomes" {
  command = plan

  variables {
    notifications = { topics = { both = { arn = "arn:aws:sns:eu-west-1:123456789012:team", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/team" } } }
  }

  assert {
    condition = (
      keys(aws_sns_topic_subscription.results) == ["success"] && length(aws_sns_topic.this) == 0 && output.topic_kms_key_arns == tolist(["arn:aws:kms:eu-west-1:123456789012:key/team"])
      && output.topic_arns == { error = "arn:aws:sns:eu-west-1:123456789012:team", success = "arn:aws:sns:eu-west-1:123456789012:team" }
    )
    error_message = "It must have one subscription, and serve both outcomes."
  }
}

run "refuses_to_import_its_own_topic" {
  command         = plan
  expect_failures = [aws_sns_topic.imported]

  variables {
    names         = { success_topic = "shop-test-success" }
    notifications = { replace_topic_policies = false }
  }
}
