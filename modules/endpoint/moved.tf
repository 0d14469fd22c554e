# An endpoint had one variant, called primary.
moved {
  from = aws_appautoscaling_policy.tracking
  to   = aws_appautoscaling_policy.tracking["primary/backlog_per_instance"]
}

moved {
  from = aws_appautoscaling_policy.wake
  to   = aws_appautoscaling_policy.wake["primary"]
}

moved {
  from = aws_appautoscaling_target.this
  to   = aws_appautoscaling_target.this["primary"]
}

moved {
  from = aws_cloudwatch_metric_alarm.wake
  to   = aws_cloudwatch_metric_alarm.wake["primary"]
}

moved {
  from = terraform_data.instance_type
  to   = terraform_data.scaled
}
