output "arn" {
  description = "ARN of the endpoint."
  value       = aws_sagemaker_endpoint.this.arn
}

output "name" {
  description = "Name of the endpoint, once it serves and scales."
  value       = aws_sagemaker_endpoint.this.name

  depends_on = [aws_appautoscaling_policy.tracking, aws_cloudwatch_metric_alarm.wake]
}

output "scaling" {
  description = "What scales the endpoint: resource id, bounds, target, names of both policies and of the alarm."
  value = {
    max_instances               = aws_appautoscaling_target.this.max_capacity
    min_instances               = aws_appautoscaling_target.this.min_capacity
    resource_id                 = aws_appautoscaling_target.this.resource_id
    target_backlog_per_instance = var.scaling.target_backlog_per_instance
    tracking_policy_name        = aws_appautoscaling_policy.tracking.name
    wake_alarm_name             = aws_cloudwatch_metric_alarm.wake.alarm_name
    wake_policy_name            = aws_appautoscaling_policy.wake.name
  }
}
