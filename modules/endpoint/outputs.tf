output "arn" {
  description = "ARN of the endpoint."
  value       = aws_sagemaker_endpoint.this.arn
}

output "log_group_name" {
  description = "Name of the log group of the containers."
  value       = aws_cloudwatch_log_group.this.name
}

output "name" {
  description = "Name of the endpoint, once it is in service and its scaling is attached."
  value       = aws_sagemaker_endpoint.this.name

  depends_on = [aws_appautoscaling_policy.tracking, aws_appautoscaling_scheduled_action.this, aws_cloudwatch_metric_alarm.wake]
}

output "scaling" {
  description = "Scaling by variant: resource_id, max_instances, min_instances, policy_names by target, scheduled_action_names by schedule, and wake with alarm_name and policy_name (null unless asynchronous)."
  value = {
    for name, scaling in var.scaling : name => {
      max_instances          = scaling.max_instances
      min_instances          = scaling.min_instances
      policy_names           = { for policy, tracking in local._tracking : tracking.target => aws_appautoscaling_policy.tracking[policy].name if tracking.variant == name }
      resource_id            = merge(aws_appautoscaling_target.this, aws_appautoscaling_target.scheduled)[name].resource_id
      scheduled_action_names = { for action, schedule in scaling.schedules : action => aws_appautoscaling_scheduled_action.this["${name}/${action}"].name }
      wake = try({
        alarm_name  = aws_cloudwatch_metric_alarm.wake[name].alarm_name
        policy_name = aws_appautoscaling_policy.wake[name].name
      }, null)
    }
  }
}
