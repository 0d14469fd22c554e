# From zero to one instance. Target tracking alone leaves zero only once the backlog exceeds its target: a single request would wait for ever.
resource "aws_appautoscaling_policy" "wake" {
  for_each = { for name, scaling in var.scaling : name => scaling if var.endpoint_config.kind == "async" }

  name               = try(coalesce(var.names[each.key].wake_policy), "${var.name}-wake-from-zero")
  policy_type        = "StepScaling"
  service_namespace  = "sagemaker"
  scalable_dimension = local._dimension
  resource_id        = merge(aws_appautoscaling_target.this, aws_appautoscaling_target.scheduled)[each.key].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = each.value.wake_cooldown_seconds
    metric_aggregation_type = "Average"

    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = 1
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.scaled]
  }
}

resource "aws_cloudwatch_metric_alarm" "wake" {
  for_each = aws_appautoscaling_policy.wake

  alarm_name        = try(coalesce(var.names[each.key].wake_alarm), "${var.name}-has-backlog-without-capacity")
  alarm_description = "${var.name}: requests are waiting and no instance is running, for 2 minutes. The policy ${aws_appautoscaling_policy.wake[each.key].name} starts one; no action is needed. See docs/operations.md#alarms-of-scaling."
  alarm_actions     = [aws_appautoscaling_policy.wake[each.key].arn]

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

  tags = var.tags
}
