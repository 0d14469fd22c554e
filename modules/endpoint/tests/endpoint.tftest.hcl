mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }

  mock_resource "aws_appautoscaling_policy" {
    defaults = { arn = "arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:1:resource/sagemaker/endpoint/shop-test/variant/primary:policyName/shop-test" }
  }
}

variables {
  name = "shop-test"
  endpoint_config = {
    kind     = "async"
    name     = "shop-test-20250101"
    variants = { primary = { initial_instances = 1, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 } }
  }
}

run "endpoint" {
  command = plan

  assert {
    condition     = aws_sagemaker_endpoint.this.name == "shop-test" && aws_sagemaker_endpoint.this.endpoint_config_name == "shop-test-20250101"
    error_message = "The endpoint keeps its name whatever configuration it serves with."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/sagemaker/Endpoints/shop-test" && aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "Container logs must be in SageMaker's group for the endpoint, and expire."
  }

  assert {
    condition = alltrue([
      for policy in aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy :
      policy.termination_wait_in_seconds == 300 && policy.traffic_routing_configuration[0].type == "ALL_AT_ONCE"
      && policy.traffic_routing_configuration[0].wait_interval_in_seconds == 0
    ])
    error_message = "By default all traffic shifts at once, and the old instances keep running for a while."
  }

  assert {
    condition     = length(aws_sagemaker_endpoint.this.deployment_config[0].auto_rollback_configuration) == 0
    error_message = "Without alarms nothing rolls an update back."
  }

  assert {
    condition     = length(aws_appautoscaling_target.this) + length(aws_appautoscaling_target.scheduled) + length(aws_cloudwatch_metric_alarm.wake) == 0
    error_message = "Nothing scales by default."
  }
}

run "scaling" {
  variables {
    logs    = { kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own", retention_days = 3653 }
    scaling = { primary = { min_instances = 0, max_instances = 7, target_backlog_per_instance = 2.5 } }
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.kms_key_id == "arn:aws:kms:eu-west-1:123456789012:key/own" && aws_cloudwatch_log_group.this.retention_in_days == 3653
    error_message = "Logs must be encrypted and kept as configured."
  }

  assert {
    condition     = aws_appautoscaling_target.this["primary"].resource_id == "endpoint/shop-test/variant/primary"
    error_message = "The target must name the endpoint and its variant."
  }

  assert {
    condition = (
      aws_appautoscaling_target.this["primary"].scalable_dimension == "sagemaker:variant:DesiredInstanceCount"
      && aws_appautoscaling_target.this["primary"].service_namespace == "sagemaker"
    )
    error_message = "The scalable dimension must be the instance count of the variant."
  }

  assert {
    condition     = aws_appautoscaling_target.this["primary"].min_capacity == 0 && aws_appautoscaling_target.this["primary"].max_capacity == 7
    error_message = "Bounds must be those configured, zero included."
  }

  assert {
    condition = alltrue([
      for policy in aws_appautoscaling_policy.tracking["primary/backlog_per_instance"].target_tracking_scaling_policy_configuration :
      policy.target_value == 2.5 && length(policy.predefined_metric_specification) == 0
    ])
    error_message = "Target tracking must have the configured target; the predefined metric of variants is never published for async."
  }

  assert {
    condition = alltrue([
      for metric in aws_appautoscaling_policy.tracking["primary/backlog_per_instance"].target_tracking_scaling_policy_configuration[0].customized_metric_specification :
      metric.namespace == "AWS/SageMaker" && metric.metric_name == "ApproximateBacklogSizePerInstance" && metric.statistic == "Average"
      && { for dimension in metric.dimensions : dimension.name => dimension.value } == { EndpointName = "shop-test" }
    ])
    error_message = "Tracking must read ApproximateBacklogSizePerInstance under EndpointName alone, as it is published."
  }

  assert {
    condition = alltrue([
      for step in aws_appautoscaling_policy.wake["primary"].step_scaling_policy_configuration :
      step.adjustment_type == "ChangeInCapacity" && step.cooldown == 300
      && one(step.step_adjustment).scaling_adjustment == 1
      && one(step.step_adjustment).metric_interval_lower_bound == "0"
    ])
    error_message = "Waking must add one instance, with a cooldown of five minutes."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.wake["primary"].namespace == "AWS/SageMaker"
      && aws_cloudwatch_metric_alarm.wake["primary"].metric_name == "HasBacklogWithoutCapacity"
      && aws_cloudwatch_metric_alarm.wake["primary"].dimensions == tomap({ EndpointName = "shop-test" })
      && aws_cloudwatch_metric_alarm.wake["primary"].statistic == "Average"
    )
    error_message = "The alarm must read HasBacklogWithoutCapacity under EndpointName alone, as it is published."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.wake["primary"].comparison_operator == "GreaterThanOrEqualToThreshold"
      && aws_cloudwatch_metric_alarm.wake["primary"].threshold == 1
      && aws_cloudwatch_metric_alarm.wake["primary"].period == 60
      && aws_cloudwatch_metric_alarm.wake["primary"].evaluation_periods == 2
      && aws_cloudwatch_metric_alarm.wake["primary"].datapoints_to_alarm == 2
      && aws_cloudwatch_metric_alarm.wake["primary"].treat_missing_data == "missing"
    )
    error_message = "The alarm must go off after two minutes of backlog without capacity."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.wake["primary"].alarm_actions == toset([aws_appautoscaling_policy.wake["primary"].arn])
    error_message = "The alarm must drive the step policy."
  }

  assert {
    condition = jsonencode(output.scaling) == jsonencode({
      primary = {
        max_instances          = 7
        min_instances          = 0
        policy_names           = { backlog_per_instance = "shop-test-backlog-per-instance" }
        resource_id            = "endpoint/shop-test/variant/primary"
        scheduled_action_names = {}
        wake = {
          alarm_name  = "shop-test-has-backlog-without-capacity"
          policy_name = "shop-test-wake-from-zero"
        }
      }
    })
    error_message = "The output must name every scaling resource of the endpoint."
  }
}

# Applied over the previous run, which has no schedule: the target is another resource with the same id in AWS.
run "schedules" {
  variables {
    scaling = {
      primary = {
        min_instances               = 0
        max_instances               = 2
        target_backlog_per_instance = 5
        schedules = {
          morning = { min_instances = 1, max_instances = 4, schedule = "cron(0 7 ? * MON-FRI *)", timezone = "Europe/Berlin" }
          night   = { min_instances = 0, max_instances = 0, schedule = "cron(0 20 ? * MON-FRI *)" }
        }
      }
    }
  }

  assert {
    condition = (
      length(aws_appautoscaling_target.this) == 0 && aws_appautoscaling_target.scheduled["primary"].min_capacity == 0
      && aws_appautoscaling_target.scheduled["primary"].max_capacity == 2
    )
    error_message = "Terraform must not revert bounds that schedules change."
  }

  assert {
    condition = (
      aws_appautoscaling_scheduled_action.this["primary/morning"].schedule == "cron(0 7 ? * MON-FRI *)"
      && aws_appautoscaling_scheduled_action.this["primary/morning"].timezone == "Europe/Berlin"
      && aws_appautoscaling_scheduled_action.this["primary/morning"].scalable_target_action[0].min_capacity == "1"
      && aws_appautoscaling_scheduled_action.this["primary/morning"].scalable_target_action[0].max_capacity == "4"
      && aws_appautoscaling_scheduled_action.this["primary/night"].timezone == "UTC"
    )
    error_message = "Each action must set its bounds at its time."
  }

  assert {
    condition     = aws_appautoscaling_scheduled_action.this["primary/night"].resource_id == "endpoint/shop-test/variant/primary"
    error_message = "An action must name the endpoint and its variant."
  }

  assert {
    condition     = terraform_data.scaled.triggers_replace.primary.bounds == [0, 2]
    error_message = "Other bounds must reach the target by registering it again."
  }

  assert {
    condition     = output.scaling.primary.scheduled_action_names == { morning = "shop-test-morning", night = "shop-test-night" }
    error_message = "The output must name the scheduled actions."
  }
}

run "real_time" {
  command = plan

  variables {
    endpoint_config = {
      kind = "real_time"
      name = "shop-test-20250101"
      variants = {
        a = { initial_instances = 1, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 }
        b = { initial_instances = 1, instance_type = "ml.g5.12xlarge", gpus = 4, vcpus = 48 }
        c = { initial_instances = 1, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 }
      }
    }
    scaling = {
      a = { min_instances = 1, max_instances = 3, target_cpu_percent = 60, target_invocations_per_instance = 70 }
      b = { min_instances = 2, max_instances = 4, target_gpu_percent = 50, scale_in_cooldown_seconds = 600, scale_out_cooldown_seconds = 60 }
    }
  }

  assert {
    condition     = join(" ", keys(aws_appautoscaling_target.this)) == "a b" && length(aws_appautoscaling_policy.wake) + length(aws_cloudwatch_metric_alarm.wake) == 0
    error_message = "Each variant scales separately, without a wake policy."
  }

  assert {
    condition = alltrue([
      for policy in aws_appautoscaling_policy.tracking["a/invocations_per_instance"].target_tracking_scaling_policy_configuration :
      policy.predefined_metric_specification[0].predefined_metric_type == "SageMakerVariantInvocationsPerInstance" && policy.target_value == 70
      && length(policy.customized_metric_specification) == 0
    ])
    error_message = "Invocations are followed by the predefined metric."
  }

  assert {
    condition = alltrue([
      for policy in aws_appautoscaling_policy.tracking["a/cpu_percent"].target_tracking_scaling_policy_configuration :
      policy.target_value == 240 && policy.customized_metric_specification[0].metric_name == "CPUUtilization"
      && policy.customized_metric_specification[0].namespace == "/aws/sagemaker/Endpoints"
      && { for dimension in policy.customized_metric_specification[0].dimensions : dimension.name => dimension.value } == { EndpointName = "shop-test", VariantName = "a" }
    ])
    error_message = "CPUUtilization adds up over cores: 60 percent of an instance with four is 240."
  }

  assert {
    condition = alltrue([
      for policy in aws_appautoscaling_policy.tracking["b/gpu_percent"].target_tracking_scaling_policy_configuration :
      policy.target_value == 200 && policy.customized_metric_specification[0].metric_name == "GPUUtilization"
      && policy.scale_in_cooldown == 600 && policy.scale_out_cooldown == 60
    ])
    error_message = "GPUUtilization adds up over GPUs: 50 percent of an instance with four is 200."
  }

  assert {
    condition     = aws_appautoscaling_policy.tracking["b/gpu_percent"].resource_id == "endpoint/shop-test/variant/b"
    error_message = "A policy must belong to its variant."
  }
}

run "serverless" {
  command = plan

  variables {
    endpoint_config = {
      kind     = "serverless"
      name     = "shop-test-20250101"
      variants = { primary = { concurrency = 10, provisioned_concurrency = 2 } }
    }
    scaling = { primary = { min_instances = 1, max_instances = 5, target_provisioned_concurrency_utilization = 0.7 } }
  }

  assert {
    condition     = aws_appautoscaling_target.this["primary"].scalable_dimension == "sagemaker:variant:DesiredProvisionedConcurrency"
    error_message = "The scalable dimension of a serverless variant must be its provisioned concurrency."
  }

  assert {
    condition = alltrue([
      for policy in aws_appautoscaling_policy.tracking["primary/provisioned_concurrency_utilization"].target_tracking_scaling_policy_configuration :
      policy.predefined_metric_specification[0].predefined_metric_type == "SageMakerVariantProvisionedConcurrencyUtilization" && policy.target_value == 0.7
    ])
    error_message = "It must track the utilization of provisioned concurrency."
  }

  assert {
    condition     = length(aws_sagemaker_endpoint.this.deployment_config) == 0
    error_message = "SageMaker has no guardrails for serverless endpoints."
  }
}

run "canary" {
  command = plan

  variables {
    endpoint_config = { kind = "async", name = "shop-test-20250101", variants = { primary = { initial_instances = 4 } } }
    alarm_names     = { errors = ["shop-test-errors"], latency = ["shop-test-latency"] }
    guardrails = {
      canary                   = { instances = 2, wait_seconds = 120 }
      maximum_seconds          = 3600
      rollback_on              = ["errors", "latency"]
      termination_wait_seconds = 60
    }
  }

  assert {
    condition = alltrue([
      for policy in aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy :
      policy.maximum_execution_timeout_in_seconds == 3600 && policy.termination_wait_in_seconds == 60
      && policy.traffic_routing_configuration[0].type == "CANARY" && policy.traffic_routing_configuration[0].wait_interval_in_seconds == 120
      && policy.traffic_routing_configuration[0].canary_size[0].type == "INSTANCE_COUNT" && policy.traffic_routing_configuration[0].canary_size[0].value == 2
    ]) && length(aws_sagemaker_endpoint.this.deployment_config[0].rolling_update_policy) == 0
    error_message = "Step and wait of a canary must be as configured."
  }

  assert {
    condition     = toset(one(aws_sagemaker_endpoint.this.deployment_config[0].auto_rollback_configuration).alarms[*].alarm_name) == toset(["shop-test-errors", "shop-test-latency"])
    error_message = "The given alarms must roll an update back."
  }
}

run "linear" {
  command = plan

  variables {
    endpoint_config = { kind = "real_time", name = "shop-test-20250101", variants = { a = { initial_instances = 4 }, b = { initial_instances = 8 } } }
    guardrails      = { linear = { percent = 25 } }
  }

  assert {
    condition = alltrue([
      for routing in aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration :
      routing.type == "LINEAR" && routing.wait_interval_in_seconds == 300 && routing.linear_step_size[0].type == "CAPACITY_PERCENT"
      && routing.linear_step_size[0].value == 25 && length(routing.canary_size) == 0
    ])
    error_message = "Traffic must shift in steps of the configured size."
  }
}

run "rolling" {
  command = plan

  variables {
    endpoint_config = { kind = "async", name = "shop-test-20250101", variants = { primary = { initial_instances = 4 } } }
    guardrails      = { rolling = { instances = 1, rollback_percent = 50, wait_seconds = 30 }, maximum_seconds = 900 }
  }

  assert {
    condition = alltrue([
      for policy in aws_sagemaker_endpoint.this.deployment_config[0].rolling_update_policy :
      policy.maximum_execution_timeout_in_seconds == 900 && policy.wait_interval_in_seconds == 30
      && policy.maximum_batch_size[0].type == "INSTANCE_COUNT" && policy.maximum_batch_size[0].value == 1
      && policy.rollback_maximum_batch_size[0].type == "CAPACITY_PERCENT" && policy.rollback_maximum_batch_size[0].value == 50
    ]) && length(aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy) == 0
    error_message = "A rolling update must proceed in batches of the configured size."
  }
}

run "refuses_a_limit_that_the_waits_reach" {
  command         = plan
  expect_failures = [aws_sagemaker_endpoint.this]

  variables {
    endpoint_config = { kind = "async", name = "shop-test-20250101", variants = { primary = { initial_instances = 4 } } }
    guardrails      = { linear = { instances = 1, wait_seconds = 300 }, maximum_seconds = 1500 }
  }
}

run "refuses_waits_beyond_any_limit" {
  command         = plan
  expect_failures = [aws_sagemaker_endpoint.this]

  variables {
    endpoint_config = { kind = "async", name = "shop-test-20250101", variants = { primary = { initial_instances = 10 } } }
    guardrails      = { rolling = { percent = 10, wait_seconds = 2880 } }
  }
}

run "alarms_on_the_new_instances" {
  command = plan

  variables {
    alarm_names = { server_errors = ["shop-test-primary-server-errors"], "new_fleet/server_errors" = ["shop-test-primary-server-errors-20250101"] }
    guardrails  = { new_fleet_only = true, rollback_on = ["server_errors"] }
  }

  assert {
    condition = [for alarm in tolist(aws_sagemaker_endpoint.this.deployment_config[0].auto_rollback_configuration[0].alarms) : alarm.alarm_name] == [
      "shop-test-primary-server-errors-20250101",
    ]
    error_message = "Alarms that the old instances trip must not roll the update back."
  }
}

run "refuses_a_key_of_another_region" {
  command         = plan
  expect_failures = [aws_cloudwatch_log_group.this]

  variables {
    logs = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/logs" }
  }
}

run "names_of_scaling_that_exists" {
  variables {
    name = "TeamEndpoint"
    endpoint_config = {
      kind     = "async"
      name     = "team-20250101"
      variants = { AllTraffic = { initial_instances = 1, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 } }
    }
    names = {
      AllTraffic = { scheduled_actions = { day = "Morning up" }, tracking_policies = { backlog_per_instance = "Track" }, wake_alarm = "Wake (1)", wake_policy = "Wake" }
    }
    scaling = {
      AllTraffic = {
        max_instances               = 2
        min_instances               = 0
        schedules                   = { day = { max_instances = 2, min_instances = 1, schedule = "cron(0 7 ? * * *)" }, night = { max_instances = 2, min_instances = 0, schedule = "cron(0 19 ? * * *)" } }
        target_backlog_per_instance = 5
      }
    }
  }

  assert {
    condition = jsonencode(output.scaling.AllTraffic) == jsonencode({
      max_instances          = 2
      min_instances          = 0
      policy_names           = { backlog_per_instance = "Track" }
      resource_id            = "endpoint/TeamEndpoint/variant/AllTraffic"
      scheduled_action_names = { day = "Morning up", night = "TeamEndpoint-night" }
      wake                   = { alarm_name = "Wake (1)", policy_name = "Wake" }
    })
    error_message = "Scaling must have the names that it has, and derived ones where none is given."
  }
}

run "names_of_a_real_time_endpoint" {
  command = plan

  variables {
    name = "TeamEndpoint"
    endpoint_config = {
      kind     = "real_time"
      name     = "team-20250101"
      variants = { A = { initial_instances = 1, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 }, B = { initial_instances = 1, instance_type = "ml.m5.xlarge", gpus = 0, vcpus = 4 } }
    }
    names = { A = { tracking_policies = { invocations_per_instance = "SageMakerEndpointInvocationScalingPolicy" } } }
    scaling = {
      A = { max_instances = 2, min_instances = 1, target_invocations_per_instance = 50 }
      B = { max_instances = 2, min_instances = 1, target_invocations_per_instance = 50 }
    }
  }

  assert {
    condition = { for key, policy in aws_appautoscaling_policy.tracking : key => policy.name } == {
      "A/invocations_per_instance" = "SageMakerEndpointInvocationScalingPolicy", "B/invocations_per_instance" = "TeamEndpoint-invocations-per-instance"
    }
    error_message = "Each variant must have the names that are given for it."
  }
}
