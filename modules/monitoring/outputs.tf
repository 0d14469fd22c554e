output "alarm_names" {
  description = "Alarm names by key: one, or one for each production variant. Module endpoint takes them as alarm_names."
  value = {
    for name in distinct([for alarm in merge(local._of_endpoint, local._of_variants) : alarm.name]) :
    name => [for key, alarm in merge(local._of_endpoint, local._of_variants) : aws_cloudwatch_metric_alarm.this[key].alarm_name if alarm.name == name]
  }
}

output "dashboard_name" {
  description = "Name of the dashboard; null without one."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}
