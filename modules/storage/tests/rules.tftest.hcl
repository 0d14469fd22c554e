# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  name = "shop-test"
}

run "refuses_to_expire_at_once" {
  command         = plan
  expect_failures = [var.expire_after_days]

  module {
    source = "./tests/rules"
  }

  variables {
    expire_after_days = { input = 0 }
  }
}

run "refuses_a_short_deletion_window" {
  command         = plan
  expect_failures = [var.key_deletion_window_days]

  module {
    source = "./tests/rules"
  }

  variables {
    key_deletion_window_days = 6
  }
}

run "refuses_a_name_no_bucket_can_have" {
  command         = plan
  expect_failures = [var.name]

  module {
    source = "./tests/rules"
  }

  variables {
    name = "Shop_Test"
  }
}
