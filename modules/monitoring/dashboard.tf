data "aws_region" "current" {}

locals {
  _variants = keys(var.endpoint.variants)

  # Panels in the order of questions: are requests answered, how long does it take, what failed, is there capacity. A panel shows the
  # metrics that the endpoint's kind publishes, for each variant where they are per variant; a panel without metrics is left out.
  _panels = [
    { title = "Backlog", unit = "requests", limit = "backlog", metrics = { ApproximateBacklogSize = "Maximum", ApproximateBacklogSizePerInstance = "Average" } },
    { title = "Age of the oldest request", unit = "seconds", limit = "oldest_request_age", metrics = { ApproximateAgeOfOldestRequest = "Maximum" } },
    { title = "Backlog without capacity (1: yes)", unit = "", limit = "stuck_at_zero", metrics = { HasBacklogWithoutCapacity = "Maximum" } },
    { title = "Invocations", unit = "per minute", limit = null, metrics = { Invocations = "Sum", InvocationsProcessed = "Sum", ExpiredRequests = "Sum", InvocationFailures = "Sum" } },
    { title = "Invocations per instance", unit = "per minute", limit = null, metrics = { InvocationsPerInstance = "Sum" } },
    { title = "Request time", unit = "milliseconds", limit = null, metrics = { TimeInBacklog = "Average", TotalProcessingTime = "Average" } },
    { title = "Model latency, median", unit = "microseconds", limit = "model_latency", metrics = { ModelLatency = "p50" } },
    { title = "Model latency, p99", unit = "microseconds", limit = "model_latency", metrics = { ModelLatency = "p99" } },
    { title = "Overhead of SageMaker", unit = "microseconds", limit = null, metrics = { OverheadLatency = "p99", ModelSetupTime = "Maximum", RequestDownloadLatency = "Average", ResponseUploadLatency = "Average" } },
    { title = "Model errors, share of requests", unit = "", limit = "server_errors", metrics = { Invocation4XXErrors = "Average", Invocation5XXErrors = "Average" } },
    { title = "Failed downloads, uploads and notifications", unit = "requests", limit = null, metrics = { RequestDownloadFailures = "Sum", ResponseUploadFailures = "Sum", NotificationFailures = "Sum" } },
    { title = "CPU and GPU utilization (100 % per core or GPU)", unit = "%", limit = null, metrics = { CPUUtilization = "Average", GPUUtilization = "Average" } },
    { title = "Memory and disk utilization", unit = "%", limit = null, metrics = { MemoryUtilization = "Maximum", DiskUtilization = "Maximum", GPUMemoryUtilization = "Maximum" } },
  ]

  _shown = [
    for panel in local._panels : merge(panel, { metrics = { for name, statistic in panel.metrics : name => statistic if contains(keys(local.published), name) } })
    if anytrue([for name in keys(panel.metrics) : contains(keys(local.published), name)])
  ]

  # Three panels a row, below the alarms.
  _metric_widgets = [
    for number, panel in local._shown : {
      type   = "metric"
      x      = 8 * (number % 3)
      y      = 3 + 6 * floor(number / 3)
      width  = 8
      height = 6
      properties = {
        title  = panel.title
        region = data.aws_region.current.id
        period = 60
        view   = "timeSeries"
        yAxis  = { left = { label = panel.unit, min = 0, showUnits = false } }
        metrics = concat([
          for name, statistic in panel.metrics : [
            for variant in local.published[name].by_variant ? local._variants : [""] : concat(
              [local.published[name].namespace, name, "EndpointName", var.endpoint.name],
              variant == "" ? [] : ["VariantName", variant],
              [{ label = join(" ", compact([length(local._variants) > 1 ? variant : "", name])), stat = statistic }],
            )
          ]
        ]...)
        annotations = { horizontal = [for name, alarm in local._alarms : { label = name, value = alarm.threshold } if name == panel.limit] }
      }
    }
  ]

  _below = 3 + 6 * ceil(length(local._shown) / 3)

  _alarm_widget = {
    type       = "alarm"
    x          = 0
    y          = 0
    width      = 24
    height     = 3
    properties = { title = "Alarms of ${var.endpoint.name}", alarms = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn] }
  }

  _log_widget = {
    type   = "log"
    x      = 0
    y      = local._below
    width  = 24
    height = 6
    properties = {
      title  = "Errors in container logs"
      region = data.aws_region.current.id
      view   = "table"
      query = join(" | ", [
        "SOURCE '/aws/sagemaker/Endpoints/${var.endpoint.name}'", "fields @timestamp, @logStream, @message",
        "filter @message like /(?i)error|exception|traceback/", "sort @timestamp desc", "limit 50",
      ])
    }
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.monitoring.dashboard ? 1 : 0

  dashboard_name = "${var.endpoint.name}-${data.aws_region.current.id}" # global to the account, and other regions may have an endpoint of this name

  dashboard_body = jsonencode({
    widgets = concat(length(aws_cloudwatch_metric_alarm.this) > 0 ? [local._alarm_widget] : [], local._metric_widgets, [local._log_widget])
  })
}
