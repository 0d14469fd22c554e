output "alarm_names" {
  description = "Names of all alarms, sorted."
  value       = sort(concat(values(aws_cloudwatch_metric_alarm.this)[*].alarm_name, [aws_cloudwatch_metric_alarm.sweep_missing.alarm_name]))
}

output "function_names" {
  description = "Names of the functions: api, deliver, sweep."
  value       = { for name, function in aws_lambda_function.this : name => function.function_name }
}

output "role_arns" {
  description = "ARNs of the functions' roles: api, deliver, sweep."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "url" {
  description = "URL of the API and of its console page, once requests are served."
  value       = aws_apigatewayv2_api.this.api_endpoint

  depends_on = [aws_apigatewayv2_route.default, aws_apigatewayv2_stage.default, aws_lambda_permission.api]
}
