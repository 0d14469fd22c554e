# One run for each rule of variables.tf. Module tests/rules is that file and the catalogue, so that no provider is started.
variables {
  endpoint = {
    kind     = "async"
    name     = "shop-test"
    variants = { primary = { instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 } }
  }
}

run "refuses_an_action_that_is_no_arn" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { actions = { alarm = ["pager"] } }
  }
}

run "refuses_a_sixth_action" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { actions = { ok = [for number in range(6) : "arn:aws:sns:eu-west-1:123456789012:topic-${number}"] } }
  }
}

run "refuses_an_alarm_that_does_not_exist" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { alarms = { latency = { threshold = 1 } } }
  }
}

run "refuses_a_metric_that_asynchronous_endpoints_never_publish" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { alarms = { overhead_latency = { threshold = 1 } } }
  }
}

run "refuses_a_statistic_that_does_not_exist" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { alarms = { backlog = { statistic = "Median" } } }
  }
}

run "refuses_half_a_minute" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { alarms = { backlog = { period_seconds = 30 } } }
  }
}

run "refuses_to_look_back_two_days" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { alarms = { backlog = { evaluation_periods = 48, period_seconds = 3600 } } }
  }
}

run "refuses_more_datapoints_than_periods" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { alarms = { backlog = { datapoints_to_alarm = 16 } } }
  }
}

run "refuses_missing_data_to_be_good" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { alarms = { backlog = { missing_data = "good" } } }
  }
}

run "refuses_a_kind_that_does_not_exist" {
  command         = plan
  expect_failures = [var.endpoint]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint = { kind = "batch", name = "shop", variants = {} }
  }
}

run "refuses_an_extra_alarm_on_what_is_never_published" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { extra_alarms = { busy = { metric = "InvocationsPerInstance", statistic = "Sum", threshold = 100 } } }
  }
}

run "refuses_an_extra_alarm_named_as_one_there_is" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { extra_alarms = { backlog = { metric = "ApproximateBacklogSize", statistic = "Maximum", threshold = 10 } } }
  }
}

run "refuses_an_extra_alarm_with_a_statistic_that_does_not_exist" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { extra_alarms = { busy = { metric = "InvocationsProcessed", statistic = "Median", threshold = 100 } } }
  }
}

run "refuses_an_extra_alarm_that_compares_otherwise" {
  command         = plan
  expect_failures = [var.monitoring]

  module {
    source = "./tests/rules"
  }

  variables {
    monitoring = { extra_alarms = { busy = { comparison_operator = "Equal", metric = "InvocationsProcessed", statistic = "Sum", threshold = 100 } } }
  }
}
