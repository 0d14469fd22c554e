mock_provider "aws" {
  mock_resource "aws_appautoscaling_policy" {
    defaults = { arn = "arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:1:resource/sagemaker/endpoint/shop-test/variant/primary:policyName/shop-test" }
  }
}

variables {
  name = "shop-test"
  configuration = {
    kind     = "async"
    name     = "shop-test-20250101"
    variants = { primary = { initial_instances = 1, instance_type = "ml.m5.xlarge" } }
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
    error_message = "What containers log must be kept in SageMaker's group for the endpoint, and not for ever."
  }
}

run "scaling" {
  command = plan

  variables {
    scaling = { min_instances = 0, max_instances = 7, target_backlog_per_instance = 2.5 }
  }

  assert {
    condition     = aws_appautoscaling_target.this.resource_id == "endpoint/shop-test/variant/primary"
    error_message = "The target must name the endpoint and its variant."
  }

  assert {
    condition     = aws_appautoscaling_target.this.scalable_dimension == "sagemaker:variant:DesiredInstanceCount" && aws_appautoscaling_target.this.service_namespace == "sagemaker"
    error_message = "What scales is the instance count of a variant."
  }

  assert {
    condition     = aws_appautoscaling_target.this.min_capacity == 0 && aws_appautoscaling_target.this.max_capacity == 7
    error_message = "Bounds must be those asked for, none included."
  }

  assert {
    condition = alltrue([
      for policy in aws_appautoscaling_policy.tracking.target_tracking_scaling_policy_configuration :
      policy.target_value == 2.5 && length(policy.predefined_metric_specification) == 0
    ])
    error_message = "Tracking must aim at the backlog asked for; the predefined metric of variants is never published here."
  }

  assert {
    condition = alltrue([
      for metric in aws_appautoscaling_policy.tracking.target_tracking_scaling_policy_configuration[0].customized_metric_specification :
      metric.namespace == "AWS/SageMaker" && metric.metric_name == "ApproximateBacklogSizePerInstance" && metric.statistic == "Average"
      && { for dimension in metric.dimensions : dimension.name => dimension.value } == { EndpointName = "shop-test" }
    ])
    error_message = "Tracking must read ApproximateBacklogSizePerInstance under EndpointName alone, as it is published."
  }

  assert {
    condition = alltrue([
      for step in aws_appautoscaling_policy.wake.step_scaling_policy_configuration :
      step.adjustment_type == "ChangeInCapacity" && step.cooldown == 300
      && one(step.step_adjustment).scaling_adjustment == 1
      && one(step.step_adjustment).metric_interval_lower_bound == "0"
    ])
    error_message = "Waking must add one instance, then rest for five minutes."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.wake.namespace == "AWS/SageMaker"
      && aws_cloudwatch_metric_alarm.wake.metric_name == "HasBacklogWithoutCapacity"
      && aws_cloudwatch_metric_alarm.wake.dimensions == tomap({ EndpointName = "shop-test" })
      && aws_cloudwatch_metric_alarm.wake.statistic == "Average"
    )
    error_message = "The alarm must read HasBacklogWithoutCapacity under EndpointName alone, as it is published."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.wake.comparison_operator == "GreaterThanOrEqualToThreshold"
      && aws_cloudwatch_metric_alarm.wake.threshold == 1
      && aws_cloudwatch_metric_alarm.wake.period == 60
      && aws_cloudwatch_metric_alarm.wake.evaluation_periods == 2
      && aws_cloudwatch_metric_alarm.wake.datapoints_to_alarm == 2
      && aws_cloudwatch_metric_alarm.wake.treat_missing_data == "missing"
    )
    error_message = "The alarm must go off after two minutes of backlog without capacity."
  }
}

run "the_alarm_wakes" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.wake.alarm_actions == toset([aws_appautoscaling_policy.wake.arn])
    error_message = "The alarm must drive the step policy."
  }

  assert {
    condition = output.scaling == {
      max_instances               = 2
      min_instances               = 0
      resource_id                 = "endpoint/shop-test/variant/primary"
      target_backlog_per_instance = 5
      tracking_policy_name        = "shop-test-backlog-per-instance"
      wake_alarm_name             = "shop-test-has-backlog-without-capacity"
      wake_policy_name            = "shop-test-wake-from-zero"
    }
    error_message = "The output must name all that scales the endpoint."
  }
}
