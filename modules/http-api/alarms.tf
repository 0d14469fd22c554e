# Each says what to look at first. Nothing is published while nothing happens, so missing data is good, but for the sweep.
locals {
  _function_alarms = merge([for function in keys(local._functions) : {
    "${function}-errors" = {
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.this[function].function_name }
      description = "Function ${function} raised an error or timed out: read its log group."
    }
    "${function}-throttles" = {
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = aws_lambda_function.this[function].function_name }
      description = "Function ${function} had no concurrency left: raise functions.${function}.reserved_concurrency, or look for a caller in a loop."
    }
  }]...)

  _queue_alarms = { for name, endpoint in var.async_endpoints : "${name}-dead-letters" => {
    namespace   = "AWS/SQS"
    metric      = "ApproximateNumberOfMessagesVisible"
    dimensions  = { QueueName = reverse(split("/", endpoint.http_api.delivery_dead_letter_queue_url))[0] }
    description = "Webhooks of ${name} were given up after a day, or could not be handled: list the dead letters, then redrive them."
  } }

  _alarms = merge(local._function_alarms, local._queue_alarms, {
    server-errors = {
      namespace   = one(aws_cloudwatch_log_metric_filter.server_errors.metric_transformation).namespace
      metric      = one(aws_cloudwatch_log_metric_filter.server_errors.metric_transformation).name
      dimensions  = {}
      description = "Requests were answered with 5xx other than 503: search the access log for their status, and the log of function api for their request id."
    }
  })
}

# API Gateway's own metric counts 503 too, which says that the endpoint is busy or that concurrency is used up: alarm api-throttles has the latter.
resource "aws_cloudwatch_log_metric_filter" "server_errors" {
  name           = "${var.name}-server-errors"
  log_group_name = aws_cloudwatch_log_group.access.name
  pattern        = "{ ($.status = \"5*\") && ($.status != \"503\") }"

  metric_transformation {
    name      = "${var.name}-server-errors"
    namespace = "AsyncEndpoint/HttpApi"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local._alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  alarm_actions       = var.alarm_actions
  comparison_operator = "GreaterThanOrEqualToThreshold"
  dimensions          = each.value.dimensions
  evaluation_periods  = 1
  metric_name         = each.value.metric
  namespace           = each.value.namespace
  ok_actions          = var.alarm_actions
  period              = 300
  statistic           = each.value.namespace == "AWS/SQS" ? "Maximum" : "Sum"
  tags                = var.tags
  threshold           = 1
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_metric_alarm" "sweep_missing" {
  alarm_name          = "${var.name}-sweep-missing"
  alarm_description   = "No sweep ran for ${3 * var.sweep_minutes} minutes, so expired predictions are not announced: look at rule ${aws_cloudwatch_event_rule.sweep.name} and at function sweep."
  alarm_actions       = var.alarm_actions
  comparison_operator = "LessThanThreshold"
  dimensions          = { FunctionName = aws_lambda_function.this["sweep"].function_name }
  evaluation_periods  = 3
  metric_name         = "Invocations"
  namespace           = "AWS/Lambda"
  ok_actions          = var.alarm_actions
  period              = 60 * var.sweep_minutes
  statistic           = "Sum"
  tags                = var.tags
  threshold           = 1
  treat_missing_data  = "breaching"
}
