# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  name        = "shop-test"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
  model_name  = "shop-test-abc"
  results = {
    failure_uri = "s3://shop/failure/"
    output_uri  = "s3://shop/output/"
    topic_arns = {
      error   = "arn:aws:sns:eu-west-1:123456789012:shop-test-error"
      success = "arn:aws:sns:eu-west-1:123456789012:shop-test-success"
    }
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

run "refuses_an_output_uri_that_is_no_prefix" {
  command         = plan
  expect_failures = [var.results]

  module {
    source = "./tests/rules"
  }

  variables {
    results = {
      failure_uri = "s3://shop/failure/"
      output_uri  = "s3://shop/output"
      topic_arns  = { error = "arn:aws:sns:eu-west-1:123456789012:e", success = "arn:aws:sns:eu-west-1:123456789012:s" }
    }
  }
}

run "refuses_outputs_among_failures" {
  command         = plan
  expect_failures = [var.results]

  module {
    source = "./tests/rules"
  }

  variables {
    results = {
      failure_uri = "s3://shop/failure/"
      output_uri  = "s3://shop/failure/"
      topic_arns  = { error = "arn:aws:sns:eu-west-1:123456789012:e", success = "arn:aws:sns:eu-west-1:123456789012:s" }
    }
  }
}

run "refuses_a_response_elsewhere" {
  command         = plan
  expect_failures = [var.results]

  module {
    source = "./tests/rules"
  }

  variables {
    results = {
      failure_uri         = "s3://shop/failure/"
      output_uri          = "s3://shop/output/"
      include_response_in = ["EMAIL"]
      topic_arns          = { error = "arn:aws:sns:eu-west-1:123456789012:e", success = "arn:aws:sns:eu-west-1:123456789012:s" }
    }
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

run "refuses_to_begin_with_no_instance" {
  command         = plan
  expect_failures = [var.variant]

  module {
    source = "./tests/rules"
  }

  variables {
    variant = { initial_instances = 0 }
  }
}

run "refuses_an_instance_type_of_ec2" {
  command         = plan
  expect_failures = [var.variant]

  module {
    source = "./tests/rules"
  }

  variables {
    variant = { instance_type = "m5.xlarge" }
  }
}

run "refuses_too_many_invocations_at_once" {
  command         = plan
  expect_failures = [var.variant]

  module {
    source = "./tests/rules"
  }

  variables {
    variant = { max_concurrent_invocations = 1001 }
  }
}

run "refuses_less_than_a_minute_to_start" {
  command         = plan
  expect_failures = [var.variant]

  module {
    source = "./tests/rules"
  }

  variables {
    variant = { startup_timeout_seconds = 59 }
  }
}

run "refuses_a_volume_that_is_too_large" {
  command         = plan
  expect_failures = [var.variant]

  module {
    source = "./tests/rules"
  }

  variables {
    variant = { volume_size_gb = 513 }
  }
}
