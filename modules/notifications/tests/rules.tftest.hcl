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

run "refuses_no_receives" {
  command         = plan
  expect_failures = [var.results_queue]

  module {
    source = "./tests/rules"
  }

  variables {
    results_queue = { max_receives = 0 }
  }
}

run "refuses_to_keep_messages_too_long" {
  command         = plan
  expect_failures = [var.results_queue]

  module {
    source = "./tests/rules"
  }

  variables {
    results_queue = { retention_days = 15 }
  }
}

run "refuses_to_hide_messages_too_long" {
  command         = plan
  expect_failures = [var.results_queue]

  module {
    source = "./tests/rules"
  }

  variables {
    results_queue = { visibility_timeout_seconds = 43201 }
  }
}
