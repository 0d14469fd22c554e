output "alarm_names" {
  description = "Alarm names by key: one, or one for each production variant; new_fleet/KEY for those of endpoint.new_fleet. Module endpoint takes them as alarm_names."
  value = merge(
    {
      for name in distinct([for alarm in merge(local._of_endpoint, local._of_variants) : alarm.name]) :
      name => [for key, alarm in merge(local._of_endpoint, local._of_variants) : aws_cloudwatch_metric_alarm.this[key].alarm_name if alarm.name == name]
    },
    {
      for name in distinct([for alarm in local._of_new_fleet : alarm.name]) :
      "new_fleet/${name}" => [for key, alarm in local._of_new_fleet : aws_cloudwatch_metric_alarm.new_fleet[key].alarm_name if alarm.name == name]
    },
  )

  precondition {
    condition     = length(setsubtract(try(var.endpoint.new_fleet.alarms, []), [for alarm in local._of_new_fleet : alarm.name])) == 0
    error_message = "Remove ${join(", ", setsubtract(try(var.endpoint.new_fleet.alarms, []), [for alarm in local._of_new_fleet : alarm.name]))} from endpoint.new_fleet.alarms, or enable it: this endpoint has no such alarm, or SageMaker does not publish its metric by configuration."
  }
}

output "dashboard_name" {
  description = "Name of the dashboard; null without one."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}
