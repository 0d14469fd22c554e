# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  name = "shop-test"
  configuration = {
    kind     = "async"
    name     = "shop-test-20250101"
    variants = { primary = { initial_instances = 1, instance_type = "ml.m5.xlarge" } }
  }
}

run "refuses_a_retention_that_is_not_offered" {
  command         = plan
  expect_failures = [var.log_retention_days]

  module {
    source = "./tests/rules"
  }

  variables {
    log_retention_days = 31
  }
}

run "refuses_a_name_without_room_for_a_suffix" {
  command         = plan
  expect_failures = [var.name]

  module {
    source = "./tests/rules"
  }

  variables {
    name = "a-name-of-thirty-seven-characters-xyz"
  }
}

run "refuses_half_a_minimum" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = { min_instances = 0.5 }
  }
}

run "refuses_no_maximum" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = { max_instances = 0, min_instances = 0 }
  }
}

run "refuses_a_maximum_below_the_minimum" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = { max_instances = 2, min_instances = 3 }
  }
}

run "refuses_a_target_of_nothing" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = { target_backlog_per_instance = 0 }
  }
}

run "refuses_a_negative_cooldown" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = { scale_in_cooldown_seconds = -1 }
  }
}
