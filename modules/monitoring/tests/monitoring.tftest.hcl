mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }

  mock_resource "aws_cloudwatch_metric_alarm" {
    defaults = { arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-test" }
  }
}

variables {
  endpoint = {
    kind     = "async"
    name     = "shop-test"
    variants = { primary = { instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 } }
  }
  monitoring = { actions = { alarm = ["arn:aws:sns:eu-west-1:123456789012:pager"], ok = ["arn:aws:sns:eu-west-1:123456789012:chat"] } }
}

run "asynchronous" {
  assert {
    condition = join(" ", keys(aws_cloudwatch_metric_alarm.this)) == join(" ", [
      "backlog", "client_errors/primary", "cpu/primary", "disk/primary", "download_failures/primary", "expired_requests/primary",
      "invocation_failures/primary", "memory/primary", "model_latency/primary", "notification_failures/primary", "oldest_request_age",
      "server_errors/primary", "stuck_at_zero", "upload_failures/primary",
    ])
    error_message = "Everything an asynchronous endpoint publishes that can go wrong must be watched, and nothing it never publishes."
  }

  assert {
    condition = alltrue([
      for name in ["backlog", "oldest_request_age", "stuck_at_zero"] : aws_cloudwatch_metric_alarm.this[name].dimensions == tomap({ EndpointName = "shop-test" })
      ]) && alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.this : alarm.dimensions == tomap({ EndpointName = "shop-test", VariantName = "primary" }) if endswith(name, "/primary")
    ])
    error_message = "The queue's metrics are published with the endpoint's name alone, others with the variant's beside it."
  }

  assert {
    condition = alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.this :
      alarm.namespace == (contains(["cpu/primary", "disk/primary", "memory/primary"], name) ? "/aws/sagemaker/Endpoints" : "AWS/SageMaker")
    ])
    error_message = "Instances publish in a namespace of their own."
  }

  assert {
    condition = jsonencode({ for name, alarm in aws_cloudwatch_metric_alarm.this : name => [alarm.metric_name, alarm.statistic, alarm.threshold, alarm.evaluation_periods] }) == jsonencode({
      "backlog"                       = ["ApproximateBacklogSize", "Maximum", 100, 15]
      "client_errors/primary"         = ["Invocation4XXErrors", "Average", 0.05, 5]
      "cpu/primary"                   = ["CPUUtilization", "Average", 360, 15]
      "disk/primary"                  = ["DiskUtilization", "Maximum", 80, 5]
      "download_failures/primary"     = ["RequestDownloadFailures", "Sum", 1, 1]
      "expired_requests/primary"      = ["ExpiredRequests", "Sum", 1, 1]
      "invocation_failures/primary"   = ["InvocationFailures", "Sum", 5, 1]
      "memory/primary"                = ["MemoryUtilization", "Maximum", 90, 5]
      "model_latency/primary"         = ["ModelLatency", "Average", 240000000, 5]
      "notification_failures/primary" = ["NotificationFailures", "Sum", 1, 1]
      "oldest_request_age"            = ["ApproximateAgeOfOldestRequest", "Maximum", 3600, 5]
      "server_errors/primary"         = ["Invocation5XXErrors", "Average", 0.05, 2]
      "stuck_at_zero"                 = ["HasBacklogWithoutCapacity", "Average", 1, 15]
      "upload_failures/primary"       = ["ResponseUploadFailures", "Sum", 1, 1]
    })
    error_message = "Counts are summed, shares averaged, depths and ages taken at their highest; 90 percent of four cores are 360."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.treat_missing_data == "notBreaching" && alarm.period == 60 && alarm.datapoints_to_alarm == alarm.evaluation_periods
      && alarm.comparison_operator == "GreaterThanOrEqualToThreshold" && alarm.alarm_actions == var.monitoring.actions.alarm && alarm.ok_actions == var.monitoring.actions.ok
    ])
    error_message = "An idle endpoint is healthy, and its recovery is announced like its alarm."
  }

  assert {
    condition = alltrue([
      for name, description in {
        "backlog"                  = "shop-test: backlog ≥ 100 requests for 15 minutes. Raise max_instances or speed up the model. See docs/operations.md#alarm-backlog."
        "cpu/primary"              = "shop-test/primary: CPU utilization ≥ 90 % for 15 minutes. Lower the concurrency per instance or raise the instance type. See docs/operations.md#alarm-cpu."
        "expired_requests/primary" = "shop-test/primary: expired requests ≥ 1 within 1 minute. They were never processed: raise max_instances or request_ttl_seconds, and send them again. See docs/operations.md#alarm-expired_requests."
        "memory/primary"           = "shop-test/primary: memory utilization ≥ 90 % for 5 minutes. Check for leaks or raise the instance type. See docs/operations.md#alarm-memory."
        "model_latency/primary"    = "shop-test/primary: model latency ≥ 240 s for 5 minutes. Invocations approach their timeout: speed up the model, or raise the timeout of an asynchronous endpoint. See docs/operations.md#alarm-model_latency."
        "server_errors/primary"    = "shop-test/primary: requests on which the model failed (5xx) ≥ 5 % for 2 minutes. Read the container logs; roll back if this began with an update. See docs/operations.md#alarm-server_errors."
      } : aws_cloudwatch_metric_alarm.this[name].alarm_description == description
    ])
    error_message = "A description must state subject, threshold and time as configured, and the first remedy: ${jsonencode({ for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.alarm_description })}"
  }

  assert {
    condition     = output.alarm_names.server_errors == ["shop-test-primary-server-errors"] && output.alarm_names.backlog == ["shop-test-backlog"]
    error_message = "Guardrails need the names of alarms."
  }

  assert {
    condition     = output.dashboard_name == "shop-test-eu-west-1"
    error_message = "There must be a dashboard, whose name no other region uses."
  }

  assert {
    condition = alltrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : alltrue([
        for metric in try(widget.properties.metrics, []) : contains(keys(local.published), metric[1]) && metric[0] == local.published[metric[1]].namespace
        && metric[2] == "EndpointName" && metric[3] == "shop-test" && (local.published[metric[1]].by_variant ? metric[4] == "VariantName" && metric[5] == "primary" : length(metric) == 5)
      ])
    ])
    error_message = "A panel on an unpublished metric, or on other dimensions, would stay empty."
  }

  assert {
    condition = alltrue([
      for one in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : alltrue([
        for other in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets :
        one == other || one.x + one.width <= other.x || other.x + other.width <= one.x || one.y + one.height <= other.y || other.y + other.height <= one.y
      ]) && one.x + one.width <= 24
    ])
    error_message = "Panels must neither overlap nor leave the dashboard's 24 columns."
  }
}

run "tuned" {
  command = plan

  variables {
    monitoring = {
      actions = { alarm = ["arn:aws:sns:eu-west-1:123456789012:pager"], ok = ["arn:aws:sns:eu-west-1:123456789012:chat"] }
      alarms = {
        backlog       = { enabled = false }
        cpu           = { threshold = 50, period_seconds = 300, evaluation_periods = 4, datapoints_to_alarm = 3 }
        model_latency = { statistic = "p99", threshold = 2000000, missing_data = "ignore", actions = [] }
        stuck_at_zero = { actions = ["arn:aws:sns:eu-west-1:123456789012:other"] }
      }
      dashboard = false
      extra_alarms = {
        idle = { comparison_operator = "LessThanThreshold", evaluation_periods = 60, metric = "InvocationsProcessed", statistic = "Sum", threshold = 1 }
      }
    }
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "backlog") && length(aws_cloudwatch_dashboard.this) == 0 && output.dashboard_name == null
    error_message = "A disabled alarm must not be created."
  }

  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.this["cpu/primary"]] :
      alarm.threshold == 200 && alarm.period == 300 && alarm.evaluation_periods == 4 && alarm.datapoints_to_alarm == 3
    ])
    error_message = "Thresholds and periods must be those configured."
  }

  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.this["model_latency/primary"]] :
      alarm.extended_statistic == "p99" && alarm.statistic == null && alarm.treat_missing_data == "ignore" && alarm.threshold == 2000000 && length(alarm.alarm_actions) == 0
    ])
    error_message = "A percentile is an extended statistic; an alarm may do nothing of its own."
  }

  assert {
    condition = {
      for name in ["cpu/primary", "idle/primary", "model_latency/primary"] : name => split(". ", aws_cloudwatch_metric_alarm.this[name].alarm_description)[0]
      } == {
      "cpu/primary"           = "shop-test/primary: CPU utilization ≥ 50 % in 3 of 4 periods of 5 minutes"
      "idle/primary"          = "shop-test/primary: Sum of InvocationsProcessed < 1 for 60 minutes"
      "model_latency/primary" = "shop-test/primary: p99 of model latency ≥ 2 s for 5 minutes"
    }
    error_message = "Descriptions must follow the settings: ${jsonencode({ for name, alarm in aws_cloudwatch_metric_alarm.this : name => alarm.alarm_description })}"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["stuck_at_zero"].alarm_actions == toset(["arn:aws:sns:eu-west-1:123456789012:other"])
    error_message = "An alarm may have actions of its own."
  }

  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.this["idle/primary"]] :
      alarm.metric_name == "InvocationsProcessed" && alarm.comparison_operator == "LessThanThreshold" && alarm.threshold == 1 && alarm.evaluation_periods == 60
    ])
    error_message = "Extra alarms must be created as configured."
  }
}

run "real_time" {
  command = plan

  variables {
    endpoint = {
      kind = "real_time"
      name = "shop-test"
      variants = {
        live  = { instance_type = "ml.g5.12xlarge", gpus = 4, vcpus = 48 }
        tried = { instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4, shadow = true }
      }
    }
  }

  assert {
    condition = join(" ", keys(aws_cloudwatch_metric_alarm.this)) == join(" ", [
      "client_errors/live", "cpu/live", "disk/live", "gpu/live", "gpu_memory/live", "memory/live", "model_latency/live", "overhead_latency/live", "server_errors/live",
    ])
    error_message = "A real-time endpoint has no queue, and a shadow variant has no callers."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["gpu/live"].threshold == 380 && aws_cloudwatch_metric_alarm.this["model_latency/live"].threshold == 48000000
    error_message = "95 percent of four GPUs are 380; a real-time call may take 60 seconds."
  }

  assert {
    condition     = strcontains(output.dashboard_name, "shop") && strcontains(jsonencode(local._metric_widgets), "tried InvocationsPerInstance")
    error_message = "The dashboard must show shadow variants."
  }
}

run "serverless" {
  command = plan

  variables {
    endpoint = { kind = "serverless", name = "shop-test", variants = { primary = {} } }
  }

  assert {
    condition = join(" ", keys(aws_cloudwatch_metric_alarm.this)) == join(" ", [
      "client_errors/primary", "cold_start/primary", "model_latency/primary", "overhead_latency/primary", "server_errors/primary",
    ])
    error_message = "A serverless endpoint has no instances to watch."
  }
}

run "new_fleet" {
  variables {
    endpoint = {
      kind      = "async"
      name      = "shop-test"
      new_fleet = { alarms = ["model_latency", "server_errors"], config_name = "shop-test-20250101" }
      variants  = { primary = { instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 } }
    }
    monitoring = { actions = { alarm = ["arn:aws:sns:eu-west-1:123456789012:pager"] }, alarms = { model_latency = { statistic = "p99" } } }
  }

  assert {
    condition = alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.new_fleet :
      alarm.dimensions == tomap({ EndpointConfigName = "shop-test-20250101", EndpointName = "shop-test", VariantName = "primary" })
      && alarm.namespace == "AWS/SageMaker" && alarm.treat_missing_data == "notBreaching"
    ]) && join(" ", keys(aws_cloudwatch_metric_alarm.new_fleet)) == "model_latency/primary server_errors/primary"
    error_message = "The alarms must watch the instances of this configuration alone."
  }

  assert {
    condition = jsonencode([
      for alarm in aws_cloudwatch_metric_alarm.new_fleet : [alarm.metric_name, alarm.statistic, alarm.extended_statistic, alarm.threshold, alarm.evaluation_periods]
    ]) == jsonencode([["ModelLatency", null, "p99", 240000000, 5], ["Invocation5XXErrors", "Average", null, 0.05, 2]])
    error_message = "They must have the settings of the alarms on the whole variant."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.new_fleet : length(coalesce(alarm.alarm_actions, [])) == 0])
    error_message = "They decide on updates; the alarms on the whole variant notify people."
  }

  assert {
    condition = jsonencode({ for key, names in output.alarm_names : key => names if endswith(key, "server_errors") }) == jsonencode({
      "new_fleet/server_errors" = ["shop-test-primary-server-errors-20250101"]
      "server_errors"           = ["shop-test-primary-server-errors"]
    })
    error_message = "The names must be unique to the configuration, and begin with those of the alarms on the whole variant."
  }
}

run "refuses_utilization_of_the_new_fleet" {
  command         = plan
  expect_failures = [output.alarm_names]

  variables {
    endpoint = {
      kind      = "async"
      name      = "shop-test"
      new_fleet = { alarms = ["cpu", "server_errors"], config_name = "shop-test-20250101" }
      variants  = { primary = { instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 } }
    }
  }
}

run "refuses_a_topic_of_another_region" {
  command         = plan
  expect_failures = [aws_cloudwatch_metric_alarm.this]

  variables {
    monitoring = { alarms = { backlog = { actions = ["arn:aws:sns:us-east-1:123456789012:pager"] } } }
  }
}
