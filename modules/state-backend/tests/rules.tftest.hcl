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

run "refuses_every_environment" {
  command         = plan
  expect_failures = [var.environments]

  module {
    source = "./tests/rules"
  }

  variables {
    environments = ["*"]
  }
}

run "refuses_a_path" {
  command         = plan
  expect_failures = [var.environments]

  module {
    source = "./tests/rules"
  }

  variables {
    environments = ["dev/../prod"]
  }
}

run "refuses_plans_that_are_gone_at_once" {
  command         = plan
  expect_failures = [var.keep_plans_days]

  module {
    source = "./tests/rules"
  }

  variables {
    keep_plans_days = 0
  }
}
