locals {
  variant_name = one(keys(var.configuration.variants))
}

# SageMaker refuses another instance type while a scalable target is registered. What scales is replaced with this, and the
# endpoint comes after it: so the target is deregistered, then the endpoint updated, then the target registered again.
resource "terraform_data" "instance_type" {
  triggers_replace = { for name, variant in var.configuration.variants : name => variant.instance_type }
}

# Named after the endpoint resource, so that destroying deregisters the target before the endpoint is deleted.
resource "aws_appautoscaling_target" "this" {
  service_namespace  = "sagemaker"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  resource_id        = "endpoint/${aws_sagemaker_endpoint.this.name}/variant/${local.variant_name}"
  min_capacity       = var.scaling.min_instances
  max_capacity       = var.scaling.max_instances

  lifecycle {
    replace_triggered_by = [terraform_data.instance_type]
  }
}

# From one instance upwards, and back to none.
resource "aws_appautoscaling_policy" "tracking" {
  name               = "${var.name}-backlog-per-instance"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling.target_backlog_per_instance
    scale_in_cooldown  = var.scaling.scale_in_cooldown_seconds
    scale_out_cooldown = var.scaling.scale_out_cooldown_seconds

    # Published with the endpoint's name alone; with a variant name beside it the policy would never see a value.
    customized_metric_specification {
      namespace   = "AWS/SageMaker"
      metric_name = "ApproximateBacklogSizePerInstance"
      statistic   = "Average"

      dimensions {
        name  = "EndpointName"
        value = aws_sagemaker_endpoint.this.name
      }
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.instance_type]
  }
}

# From none to one. Tracking alone leaves zero only once the backlog exceeds its target, so that a single request would wait for ever.
resource "aws_appautoscaling_policy" "wake" {
  name               = "${var.name}-wake-from-zero"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = var.scaling.wake_cooldown_seconds
    metric_aggregation_type = "Average"

    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = 1
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.instance_type]
  }
}

resource "aws_cloudwatch_metric_alarm" "wake" {
  alarm_name        = "${var.name}-has-backlog-without-capacity"
  alarm_description = "Requests wait for ${var.name} and no instance serves them: start one."
  alarm_actions     = [aws_appautoscaling_policy.wake.arn]

  namespace   = "AWS/SageMaker"
  metric_name = "HasBacklogWithoutCapacity"
  dimensions  = { EndpointName = aws_sagemaker_endpoint.this.name }

  comparison_operator = "GreaterThanOrEqualToThreshold"
  datapoints_to_alarm = 2
  evaluation_periods  = 2
  period              = 60
  statistic           = "Average"
  threshold           = 1
  treat_missing_data  = "missing"
}
