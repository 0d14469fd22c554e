mock_provider "aws" {
  mock_resource "aws_appautoscaling_policy" {
    defaults = { arn = "arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:1:resource/sagemaker/endpoint/shop-test/variant/primary:policyName/shop-test" }
  }
}

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

run "configuration" {
  command = plan

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.name_prefix == "shop-test-" && aws_sagemaker_endpoint.this.name == "shop-test"
    error_message = "Configurations have a name of their own each, and the endpoint keeps its name."
  }

  assert {
    condition = alltrue([
      for variant in aws_sagemaker_endpoint_configuration.this.production_variants :
      variant.variant_name == "primary" && variant.model_name == "shop-test-abc" && variant.initial_instance_count == 1
      && variant.instance_type == "ml.m5.xlarge" && variant.container_startup_health_check_timeout_in_seconds == 600
      && variant.model_data_download_timeout_in_seconds == 600
    ]) && length(aws_sagemaker_endpoint_configuration.this.production_variants) == 1
    error_message = "An asynchronous endpoint has one variant, which starts with one instance."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.async_inference_config[0].client_config[0].max_concurrent_invocations_per_instance == 4
    error_message = "Concurrency must be configured, or SageMaker chooses it."
  }

  assert {
    condition = alltrue([
      for output in aws_sagemaker_endpoint_configuration.this.async_inference_config[0].output_config :
      output.s3_output_path == "s3://shop/output/" && output.s3_failure_path == "s3://shop/failure/" && output.kms_key_id == var.kms_key_arn
    ])
    error_message = "Outputs and failures must have a path each, and be encrypted with the key of the deployment."
  }

  assert {
    condition = alltrue([
      for topics in aws_sagemaker_endpoint_configuration.this.async_inference_config[0].output_config[0].notification_config :
      topics.success_topic == var.results.topic_arns.success && topics.error_topic == var.results.topic_arns.error
      && topics.include_inference_response_in == toset(["ERROR_NOTIFICATION_TOPIC", "SUCCESS_NOTIFICATION_TOPIC"])
    ])
    error_message = "Both outcomes must be announced, with the response inside."
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

run "volume_is_encrypted_where_it_can_be" {
  command = plan

  variables {
    variant = { instance_type = "ml.m5.xlarge", volume_size_gb = 50 }
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.kms_key_arn == var.kms_key_arn
    error_message = "Volumes of instances without local storage must be encrypted with the key of the deployment."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].volume_size_in_gb == 50
    error_message = "The volume must have the size asked for."
  }
}

run "no_key_on_local_storage" {
  command = plan

  variables {
    variant = { instance_type = "ml.g5.xlarge" }
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.kms_key_arn == null
    error_message = "SageMaker refuses a key on instance types with local NVMe storage."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.async_inference_config[0].output_config[0].kms_key_id == var.kms_key_arn
    error_message = "Results are encrypted whatever the instance type."
  }
}

run "refuses_a_volume_size_on_local_storage" {
  command         = plan
  expect_failures = [aws_sagemaker_endpoint_configuration.this]

  variables {
    variant = { instance_type = "ml.g5.xlarge", volume_size_gb = 50 }
  }
}
