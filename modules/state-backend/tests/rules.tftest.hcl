# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.

run "refuses_a_bucket_name_with_dots" {
  command         = plan
  expect_failures = [var.bucket]

  module {
    source = "./tests/rules"
  }

  variables {
    bucket = "terraform.state"
  }
}

run "refuses_parts_of_days" {
  command         = plan
  expect_failures = [var.keep_days]

  module {
    source = "./tests/rules"
  }

  variables {
    keep_days = 0.5
  }
}

run "refuses_every_state" {
  command         = plan
  expect_failures = [var.key_prefixes]

  module {
    source = "./tests/rules"
  }

  variables {
    key_prefixes = ["*"]
  }
}

run "refuses_a_prefix_that_is_a_part_of_a_name" {
  command         = plan
  expect_failures = [var.key_prefixes]

  module {
    source = "./tests/rules"
  }

  variables {
    key_prefixes = ["async-endpoint/d"]
  }
}
