# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/own"
  name               = "shop-test"
  planned_topic_arns = { error = "arn:aws:sns:eu-west-1:123456789012:shop-test-error", success = "arn:aws:sns:eu-west-1:123456789012:shop-test-success" }
  topic_arns         = { error = "arn:aws:sns:eu-west-1:123456789012:shop-test-error", success = "arn:aws:sns:eu-west-1:123456789012:shop-test-success" }
}

run "refuses_a_queue_that_drops_each_message_at_once" {
  command         = plan
  expect_failures = [var.http_api]

  module {
    source = "./tests/rules"
  }

  variables {
    http_api = { max_receives = 0 }
  }
}

run "refuses_to_keep_messages_shorter_than_the_retries_last" {
  command         = plan
  expect_failures = [var.http_api]

  module {
    source = "./tests/rules"
  }

  variables {
    http_api = { retention_days = 1 }
  }
}

run "refuses_every_role_as_sender" {
  command         = plan
  expect_failures = [var.http_api]

  module {
    source = "./tests/rules"
  }

  variables {
    http_api = { sender_role_arns = ["arn:aws:iam::123456789012:role/*"] }
  }
}

run "refuses_to_hide_a_message_shorter_than_an_attempt" {
  command         = plan
  expect_failures = [var.http_api]

  module {
    source = "./tests/rules"
  }

  variables {
    http_api = { visibility_timeout_seconds = 29 }
  }
}

run "refuses_an_alias_as_key" {
  command         = plan
  expect_failures = [var.kms_key_arn]

  module {
    source = "./tests/rules"
  }

  variables {
    kms_key_arn = "alias/aws/sqs"
  }
}

run "refuses_a_name_no_queue_can_have" {
  command         = plan
  expect_failures = [var.name]

  module {
    source = "./tests/rules"
  }

  variables {
    name = "shop.test"
  }
}
