# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  environment = "test"
  name        = "shop"
  model       = { archive = { s3_uri = "s3://models/shop/model.tar.gz" } }
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
