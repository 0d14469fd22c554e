# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
  name        = "shop-test"
}

run "refuses_an_alias_as_key" {
  command         = plan
  expect_failures = [var.kms_key_arn]

  module {
    source = "./tests/rules"
  }

  variables {
    kms_key_arn = "alias/aws/sns"
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

run "refuses_a_publisher_by_its_name" {
  command         = plan
  expect_failures = [var.publisher_role_arns]

  module {
    source = "./tests/rules"
  }

  variables {
    publisher_role_arns = ["shop-test-execution"]
  }
}

run "refuses_publishers_by_a_wildcard" {
  command         = plan
  expect_failures = [var.publisher_role_arns]

  module {
    source = "./tests/rules"
  }

  variables {
    publisher_role_arns = ["arn:aws:iam::123456789012:role/*"]
  }
}

run "refuses_no_receives" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { max_receives = 0 }
  }
}

run "refuses_to_keep_messages_too_long" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { retention_days = 15 }
  }
}

run "refuses_to_hide_messages_too_long" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { visibility_timeout_seconds = 43201 }
  }
}

run "refuses_a_subscription_with_a_space" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { subscriptions = { "on call" = { protocol = "email", endpoint = "on-call@example.com" } } }
  }
}

run "refuses_plain_http" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { subscriptions = { hook = { protocol = "http", endpoint = "http://example.com" } } }
  }
}

run "refuses_an_address_that_is_none" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { subscriptions = { on-call = { protocol = "email", endpoint = "on-call" } } }
  }
}

run "refuses_the_unpublished_version_of_a_function" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { subscriptions = { collect = { protocol = "lambda", endpoint = "arn:aws:lambda:eu-west-1:123456789012:function:collect:$LATEST" } } }
  }
}

run "refuses_a_fifo_queue" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { subscriptions = { nightly = { protocol = "sqs", endpoint = "arn:aws:sqs:eu-west-1:123456789012:nightly.fifo" } } }
  }
}

run "refuses_a_filter_that_is_not_json" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { subscriptions = { nightly = { protocol = "sqs", endpoint = "arn:aws:sqs:eu-west-1:123456789012:nightly", filter_policy = "nightly" } } }
  }
}

run "refuses_an_unknown_outcome" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { subscriptions = { nightly = { protocol = "sqs", endpoint = "arn:aws:sqs:eu-west-1:123456789012:nightly", outcomes = ["expired"] } } }
  }
}

run "refuses_raw_messages_by_email" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { subscriptions = { on-call = { protocol = "email", endpoint = "on-call@example.com", raw_message_delivery = true } } }
  }
}

run "refuses_a_fifo_topic" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { topics = { error = { arn = "arn:aws:sns:eu-west-1:123456789012:errors.fifo" } } }
  }
}

run "refuses_a_topic_by_its_name" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { topics = { error = { arn = "errors" } } }
  }
}

run "refuses_one_topic_for_both_outcomes" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { topics = { error = { arn = "arn:aws:sns:eu-west-1:123456789012:all" }, success = { arn = "arn:aws:sns:eu-west-1:123456789012:all" } } }
  }
}

run "refuses_a_key_of_a_topic_by_its_alias" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { topics = { error = { arn = "arn:aws:sns:eu-west-1:123456789012:errors", kms_key_arn = "alias/team" } } }
  }
}

run "refuses_an_arn_as_the_name_of_a_topic" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names         = { success_topic = "arn:aws:sns:eu-west-1:123456789012:results" }
    notifications = { replace_topic_policies = false }
  }
}

run "refuses_a_fifo_queue_by_its_name" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { results_queue = "results.fifo" }
  }
}

run "refuses_one_queue_for_results_and_dead_letters" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { dead_letter_queue = "results", results_queue = "results" }
  }
}

run "refuses_a_topic_that_is_both_imported_and_supplied" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names         = { error_topic = "results" }
    notifications = { replace_topic_policies = false, topics = { both = { arn = "arn:aws:sns:eu-west-1:123456789012:results" } } }
  }
}

run "refuses_a_topic_of_which_nothing_is_stated" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { success_topic = "results" }
  }
}

run "refuses_errors_alone_from_a_topic_of_both" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names         = { error_topic = "results", success_topic = "results" }
    notifications = { replace_topic_policies = false, subscriptions = { on-call = { protocol = "email", endpoint = "on-call@example.com", outcomes = ["error"] } } }
  }
}

run "refuses_two_topics_beside_one_for_both" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = {
      topics = { both = { arn = "arn:aws:sns:eu-west-1:123456789012:results" }, error = { arn = "arn:aws:sns:eu-west-1:123456789012:errors" } }
    }
  }
}

run "refuses_errors_alone_from_a_supplied_topic_of_both" {
  command         = plan
  expect_failures = [var.notifications]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = {
      subscriptions = { on-call = { protocol = "email", endpoint = "on-call@example.com", outcomes = ["error"] } }
      topics        = { both = { arn = "arn:aws:sns:eu-west-1:123456789012:results" } }
    }
  }
}
