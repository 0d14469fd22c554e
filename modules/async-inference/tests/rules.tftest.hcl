# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  environment = "test"
  name        = "shop"
  model       = { containers = [{ archive = { s3_uri = "s3://models/shop/model.tar.gz" }, image = { framework = "pytorch", version = "2.6.0" } }] }
}

run "refuses_a_request_to_wait_too_long" {
  command         = plan
  expect_failures = [var.endpoint]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint = { request_ttl_seconds = 21601 }
  }
}

run "refuses_an_environment_with_a_hyphen" {
  command         = plan
  expect_failures = [var.environment]

  module {
    source = "./tests/rules"
  }

  variables {
    environment = "pre-prod"
  }
}

run "refuses_a_multi_model_container" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    model = { containers = [{ image = { framework = "pytorch", version = "2.6.0" }, multi_model = {} }] }
  }
}

run "refuses_direct_invocation" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    model = {
      containers = [for hostname in ["wash", "dry"] : { hostname = hostname, image = { framework = "pytorch", version = "2.6.0" } }]
      invocation = "direct"
    }
  }
}

run "refuses_updates_that_nothing_takes_back" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { rollback_on = [] }
  }
}

run "refuses_to_take_an_update_back_for_a_backlog" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { rollback_on = ["backlog"] }
  }
}

run "refuses_to_take_an_update_back_by_an_alarm_that_is_not_made" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { rollback_on = ["model_latency"] }
    monitoring = { alarms = { model_latency = { enabled = false } } }
  }
}

run "refuses_a_name_that_is_too_long" {
  command         = plan
  expect_failures = [var.name]

  module {
    source = "./tests/rules"
  }

  variables {
    name = "a-name-of-twenty-three-"
  }
}
