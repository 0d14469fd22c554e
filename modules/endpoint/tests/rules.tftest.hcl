# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  endpoint_config = {
    kind     = "async"
    name     = "shop-test-20250101"
    variants = { primary = { initial_instances = 4, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 } }
  }
  name = "shop-test"
}

run "refuses_a_kind_that_does_not_exist" {
  command         = plan
  expect_failures = [var.endpoint_config]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "batch"
      name = "shop"
      variants = {
        primary = {}
      }
    }
  }
}

run "refuses_two_ways_at_once" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { canary = { percent = 10 }, linear = { percent = 10 } }
  }
}

run "refuses_guardrails_without_a_server" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "serverless"
      name = "shop"
      variants = {
        primary = { concurrency = 5, provisioned_concurrency = 2 }
      }
    }
    alarm_names = { errors = ["shop-errors"] }
    guardrails  = { rollback_on = ["errors"] }
  }
}

run "refuses_guardrails_on_inferentia" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "real_time"
      name = "shop"
      variants = {
        primary = { initial_instances = 2, instance_type = "ml.inf1.xlarge" }
      }
    }
    guardrails = { canary = { percent = 10 } }
  }
}

run "refuses_to_roll_several_variants" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "real_time"
      name = "shop"
      variants = {
        a = { initial_instances = 2 }
        b = { initial_instances = 2 }
      }
    }
    guardrails = { rolling = { percent = 10 } }
  }
}

run "refuses_a_canary_of_one_instance" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "async"
      name = "shop"
      variants = {
        primary = { initial_instances = 1 }
      }
    }
    guardrails = { canary = { percent = 50 } }
  }
}

run "refuses_a_step_of_unknown_size" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { linear = { wait_seconds = 60 } }
  }
}

run "refuses_a_canary_of_more_than_half_the_instances" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { canary = { instances = 3 } }
  }
}

run "refuses_a_canary_of_more_than_half" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { canary = { percent = 51 } }
  }
}

run "refuses_two_sizes_of_a_rollback" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { rolling = { percent = 50, rollback_instances = 1, rollback_percent = 50 } }
  }
}

run "refuses_to_wait_more_than_an_hour" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { termination_wait_seconds = 3601 }
  }
}

run "refuses_an_update_of_five_minutes" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { maximum_seconds = 300 }
  }
}

run "refuses_a_step_below_one_instance" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { canary = { percent = 20 } }
  }
}

run "refuses_an_eleventh_alarm" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    alarm_names = { errors = [for number in range(11) : "alarm-${number}"] }
    guardrails  = { rollback_on = ["errors"] }
  }
}

run "refuses_to_roll_back_on_an_alarm_that_does_not_exist" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    alarm_names = { server_errors = ["shop-server-errors"], gpu = [] }
    guardrails  = { rollback_on = ["gpu", "server_errors"] }
  }
}

run "refuses_an_alarm_that_new_instances_do_not_have" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    alarm_names = { server_errors = ["shop-errors"] }
    guardrails  = { new_fleet_only = true, rollback_on = ["server_errors"] }
  }
}

run "refuses_a_retention_that_is_not_offered" {
  command         = plan
  expect_failures = [var.logs]

  module {
    source = "./tests/rules"
  }

  variables {
    logs = { retention_days = 31 }
  }
}

run "refuses_an_alias_for_the_key_of_logs" {
  command         = plan
  expect_failures = [var.logs]

  module {
    source = "./tests/rules"
  }

  variables {
    logs = { kms_key_arn = "alias/logs" }
  }
}

run "refuses_a_name_that_ends_in_a_hyphen" {
  command         = plan
  expect_failures = [var.name]

  module {
    source = "./tests/rules"
  }

  variables {
    name = "shop-"
  }
}

run "refuses_to_scale_a_shadow" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "real_time"
      name = "shop"
      variants = {
        primary = { shadow = true }
      }
    }
    scaling = {
      primary = { max_instances = 2, min_instances = 1, target_invocations_per_instance = 70 }
    }
  }
}

run "refuses_to_scale_burstable_instances" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "async"
      name = "shop"
      variants = {
        primary = { instance_type = "ml.t2.medium" }
      }
    }
    scaling = {
      primary = { max_instances = 2, min_instances = 1, target_backlog_per_instance = 5 }
    }
  }
}

run "refuses_a_maximum_below_the_minimum" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = {
      primary = { max_instances = 2, min_instances = 3, target_backlog_per_instance = 5 }
    }
  }
}

run "refuses_half_an_instance" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = {
      primary = { max_instances = 2, min_instances = 0.5, target_backlog_per_instance = 5 }
    }
  }
}

run "refuses_more_initial_instances_than_scaling_allows" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = {
      primary = {
        min_instances               = 0
        max_instances               = 2
        target_backlog_per_instance = 5

        schedules = {
          day = { min_instances = 1, max_instances = 3, schedule = "cron(0 7 * * ? *)" }
        }
      }
    }
  }
}

run "refuses_no_maximum" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = {
      primary = { max_instances = 0, min_instances = 0, target_backlog_per_instance = 5 }
    }
  }
}

run "refuses_real_time_from_zero" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "real_time"
      name = "shop"
      variants = {
        primary = { initial_instances = 4, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 }
      }
    }
    scaling = {
      primary = { max_instances = 2, min_instances = 0, target_invocations_per_instance = 70 }
    }
  }
}

run "refuses_to_follow_nothing" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = {
      primary = { max_instances = 2, min_instances = 1 }
    }
  }
}

run "refuses_a_metric_that_asynchronous_endpoints_never_publish" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = {
      primary = { max_instances = 2, min_instances = 1, target_backlog_per_instance = 5, target_invocations_per_instance = 70 }
    }
  }
}

run "refuses_the_backlog_of_a_real_time_endpoint" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "real_time"
      name = "shop"
      variants = {
        primary = { initial_instances = 4, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 }
      }
    }
    scaling = {
      primary = { max_instances = 2, min_instances = 1, target_backlog_per_instance = 5 }
    }
  }
}

run "refuses_the_instances_of_a_serverless_endpoint" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "serverless"
      name = "shop"
      variants = {
        primary = { concurrency = 5, provisioned_concurrency = 2 }
      }
    }
    scaling = {
      primary = { max_instances = 2, min_instances = 1, target_invocations_per_instance = 70 }
    }
  }
}

run "refuses_a_target_of_nothing" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = {
      primary = { max_instances = 2, min_instances = 1, target_backlog_per_instance = 0 }
    }
  }
}

run "refuses_more_than_all_cores" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "real_time"
      name = "shop"
      variants = {
        primary = { initial_instances = 4, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 }
      }
    }
    scaling = {
      primary = { max_instances = 2, min_instances = 1, target_cpu_percent = 200 }
    }
  }
}

run "refuses_to_follow_a_gpu_that_is_not_there" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "real_time"
      name = "shop"
      variants = {
        primary = { initial_instances = 4, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 }
      }
    }
    scaling = {
      primary = { max_instances = 2, min_instances = 1, target_gpu_percent = 50 }
    }
  }
}

run "refuses_to_provision_more_than_allowed" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "serverless"
      name = "shop"
      variants = {
        primary = { concurrency = 5, provisioned_concurrency = 2 }
      }
    }
    scaling = {
      primary = { max_instances = 6, min_instances = 1, target_provisioned_concurrency_utilization = 0.7 }
    }
  }
}

run "refuses_to_scale_what_is_not_provisioned" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "serverless"
      name = "shop"
      variants = {
        primary = { concurrency = 5 }
      }
    }
    scaling = {
      primary = { max_instances = 2, min_instances = 1, target_provisioned_concurrency_utilization = 0.7 }
    }
  }
}

run "refuses_a_negative_cooldown" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = {
      primary = { max_instances = 2, min_instances = 1, scale_in_cooldown_seconds = -1, target_backlog_per_instance = 5 }
    }
  }
}

run "refuses_a_schedule_of_five_fields" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = {
      primary = { max_instances = 2, min_instances = 1, schedules = { day = { max_instances = 2, min_instances = 1, schedule = "cron(0 7 * * *)" } }, target_backlog_per_instance = 5 }
    }
  }
}

run "refuses_a_schedule_with_a_maximum_below_its_minimum" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    scaling = {
      primary = { max_instances = 2, min_instances = 1, schedules = { day = { max_instances = 1, min_instances = 2, schedule = "cron(0 7 ? * MON-FRI *)" } }, target_backlog_per_instance = 5 }
    }
  }
}

run "refuses_a_schedule_that_stops_a_real_time_endpoint" {
  command         = plan
  expect_failures = [var.scaling]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_config = {
      kind = "real_time"
      name = "shop"
      variants = {
        primary = { initial_instances = 4, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 }
      }
    }
    scaling = {
      primary = { max_instances = 2, min_instances = 1, schedules = { day = { max_instances = 1, min_instances = 0, schedule = "cron(0 7 ? * MON-FRI *)" } }, target_cpu_percent = 50 }
    }
  }
}

run "refuses_names_of_another_variant" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { other = { wake_policy = "Wake" } }
  }
}

run "refuses_the_name_of_a_schedule_that_is_not_there" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { primary = { scheduled_actions = { night = "Night" } } }
  }
}

run "refuses_the_name_of_a_target_that_is_not_there" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { primary = { tracking_policies = { cpu_percent = "Cpu" } } }
  }
}

run "refuses_an_empty_name_of_a_policy" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { primary = { wake_policy = "" } }
  }
}

run "refuses_one_name_for_two_policies" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { primary = { tracking_policies = { backlog_per_instance = "Scale" }, wake_policy = "Scale" } }
  }
}

run "refuses_a_slash_in_the_name_of_a_scheduled_action" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { primary = { scheduled_actions = { day = "up/down" } } }
    scaling = {
      primary = { max_instances = 4, min_instances = 1, schedules = { day = { max_instances = 4, min_instances = 1, schedule = "cron(0 7 ? * MON-FRI *)" } }, target_backlog_per_instance = 5 }
    }
  }
}

run "refuses_a_line_break_in_the_name_of_the_wake_alarm" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { primary = { wake_alarm = "wake\nup" } }
  }
}
