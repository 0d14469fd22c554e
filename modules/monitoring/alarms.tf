locals {
  # Metrics by kind of endpoint, and whether VariantName is among their dimensions: the same table as
  # scripts/async_endpoint/core/metrics.py (a test compares them), and the instances' metrics.
  _metrics = jsondecode(file("${path.module}/metrics.json"))
  published = merge([
    for namespace, metrics in local._metrics : {
      for name, metric in metrics : name => { by_variant = metric.by_variant, namespace = namespace } if contains(metric.kinds, var.endpoint.kind)
    }
  ]...)

  # Microseconds: four fifths of the longest invocation.
  _slow_microseconds = 800000 * coalesce(var.endpoint.invocation_timeout_seconds, var.endpoint.kind == "async" ? 300 : 60)

  # How descriptions print a threshold: multiplied by scale, with unit.
  _units = {
    count        = { scale = 1, unit = "" }
    microseconds = { scale = 0.000001, unit = " s" }
    percent      = { scale = 1, unit = " %" }
    requests     = { scale = 1, unit = " requests" }
    seconds      = { scale = 1, unit = " s" }
    share        = { scale = 100, unit = " %" }
  }

  # Alarms by name. Counts are summed; errors are 0 or 1 for each request, so that their average is a share of requests.
  _default_alarms = {
    backlog = {
      metric  = "ApproximateBacklogSize", statistic = "Maximum", threshold = 100, minutes = 15
      subject = "backlog", unit = "requests", remedy = "Raise max_instances or speed up the model."
    }
    client_errors = {
      metric  = "Invocation4XXErrors", statistic = "Average", threshold = 0.05, minutes = 5
      subject = "requests that the model rejected (4xx)", unit = "share", remedy = "Check what callers send; the failure objects and container logs have the reason."
    }
    cold_start = {
      metric  = "ModelSetupTime", statistic = "Maximum", threshold = 30000000, minutes = 5
      subject = "cold start time", unit = "microseconds", remedy = "Shrink the image or the model, or use provisioned concurrency."
    }
    cpu = {
      metric  = "CPUUtilization", statistic = "Average", threshold = 90, minutes = 15
      subject = "CPU utilization", unit = "percent", remedy = "Lower the concurrency per instance or raise the instance type."
    }
    disk = {
      metric  = "DiskUtilization", statistic = "Maximum", threshold = 80, minutes = 5
      subject = "disk utilization", unit = "percent", remedy = "Delete temporary files in the container or raise volume_size_gb."
    }
    download_failures = {
      metric  = "RequestDownloadFailures", statistic = "Sum", threshold = 1, minutes = 1
      subject = "inputs that could not be read", unit = "count", remedy = "Check that the input objects exist and that the execution role may read them."
    }
    expired_requests = {
      metric  = "ExpiredRequests", statistic = "Sum", threshold = 1, minutes = 1
      subject = "expired requests", unit = "count", remedy = "They were never processed: raise max_instances or request_ttl_seconds, and send them again."
    }
    gpu = {
      metric  = "GPUUtilization", statistic = "Average", threshold = 95, minutes = 15
      subject = "GPU utilization", unit = "percent", remedy = "Raise max_instances or the instance type."
    }
    gpu_memory = {
      metric  = "GPUMemoryUtilization", statistic = "Maximum", threshold = 95, minutes = 5
      subject = "GPU memory utilization", unit = "percent", remedy = "Lower the batch size or the concurrency per instance, or raise the instance type."
    }
    invocation_failures = {
      metric  = "InvocationFailures", statistic = "Sum", threshold = 5, minutes = 1
      subject = "failed invocations", unit = "count", remedy = "Read the failure objects and the container logs."
    }
    memory = {
      metric  = "MemoryUtilization", statistic = "Maximum", threshold = 90, minutes = 5
      subject = "memory utilization", unit = "percent", remedy = "Check for leaks or raise the instance type."
    }
    model_latency = {
      metric  = "ModelLatency", statistic = "Average", threshold = local._slow_microseconds, minutes = 5
      subject = "model latency", unit = "microseconds", remedy = "Invocations approach their timeout: speed up the model, or raise the timeout of an asynchronous endpoint."
    }
    notification_failures = {
      metric  = "NotificationFailures", statistic = "Sum", threshold = 1, minutes = 1
      subject = "failed notifications", unit = "count", remedy = "Check that the execution role may publish to the topics and use their key."
    }
    oldest_request_age = {
      metric  = "ApproximateAgeOfOldestRequest", statistic = "Maximum", threshold = 3600, minutes = 5
      subject = "age of the oldest request", unit = "seconds", remedy = "Check that instances start, then raise max_instances."
    }
    overhead_latency = {
      metric  = "OverheadLatency", statistic = "Average", threshold = 1000000, minutes = 5
      subject = "latency added by SageMaker", unit = "microseconds", remedy = "Check the size of requests and responses, then the AWS Health Dashboard."
    }
    server_errors = {
      metric  = "Invocation5XXErrors", statistic = "Average", threshold = 0.05, minutes = 2
      subject = "requests on which the model failed (5xx)", unit = "share", remedy = "Read the container logs; roll back if this began with an update."
    }
    stuck_at_zero = {
      metric  = "HasBacklogWithoutCapacity", statistic = "Average", threshold = 1, minutes = 15
      subject = "backlog without capacity", unit = "count", remedy = "No instance has started: check the scaling activities, the instance quota and the container logs."
    }
    upload_failures = {
      metric  = "ResponseUploadFailures", statistic = "Sum", threshold = 1, minutes = 1
      subject = "results that could not be written", unit = "count", remedy = "Check that the execution role may write the output prefix and use its key."
    }
  }
}
