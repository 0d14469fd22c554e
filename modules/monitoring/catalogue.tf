locals {
  # What an endpoint of each kind publishes, and whether a variant's name is among the dimensions: the same table as
  # scripts/async_endpoint/core/metrics.py (a test compares them), and the instances' metrics.
  _metrics = jsondecode(file("${path.module}/metrics.json"))
  published = merge([
    for namespace, metrics in local._metrics : {
      for name, metric in metrics : name => { by_variant = metric.by_variant, namespace = namespace } if contains(metric.kinds, var.endpoint.kind)
    }
  ]...)

  # The longest a call may take: time-outs of module model for async, of InvokeEndpoint for others. Alarms go off at four fifths.
  _slow_microseconds = 0.8 * 1000000 * (var.endpoint.kind == "async" ? 300 : 60)

  # Alarms by name. Counts are summed; errors are sent as 1 or 0 for each request, so that their average is a share of requests.
  # Whatever is not published because nothing happens, or nothing runs, is fine: missing data never breaches.
  _catalogue = {
    backlog               = { metric = "ApproximateBacklogSize", statistic = "Maximum", threshold = 100, minutes = 15, says = "requests wait or are in process" }
    client_errors         = { metric = "Invocation4XXErrors", statistic = "Average", threshold = 0.05, minutes = 5, says = "the share of requests that the model refused" }
    cold_start            = { metric = "ModelSetupTime", statistic = "Maximum", threshold = 30000000, minutes = 5, says = "microseconds to start a serverless instance" }
    cpu                   = { metric = "CPUUtilization", statistic = "Average", threshold = 90, minutes = 15, says = "percent of the cores are busy" }
    disk                  = { metric = "DiskUtilization", statistic = "Maximum", threshold = 80, minutes = 5, says = "percent of the disk are used" }
    download_failures     = { metric = "RequestDownloadFailures", statistic = "Sum", threshold = 1, minutes = 1, says = "inputs could not be read: is the object there, may the execution role read it?" }
    expired_requests      = { metric = "ExpiredRequests", statistic = "Sum", threshold = 1, minutes = 1, says = "requests waited longer than their time to live, and were never answered" }
    gpu                   = { metric = "GPUUtilization", statistic = "Average", threshold = 95, minutes = 15, says = "percent of the GPUs are busy" }
    gpu_memory            = { metric = "GPUMemoryUtilization", statistic = "Maximum", threshold = 95, minutes = 5, says = "percent of the GPUs' memory are used" }
    invocation_failures   = { metric = "InvocationFailures", statistic = "Sum", threshold = 5, minutes = 1, says = "requests failed within a minute" }
    memory                = { metric = "MemoryUtilization", statistic = "Maximum", threshold = 90, minutes = 5, says = "percent of the memory are used" }
    model_latency         = { metric = "ModelLatency", statistic = "Average", threshold = local._slow_microseconds, minutes = 5, says = "microseconds are taken to answer: time-outs are near" }
    notification_failures = { metric = "NotificationFailures", statistic = "Sum", threshold = 1, minutes = 1, says = "outcomes could not be announced: may the execution role publish, and use the topic's key?" }
    oldest_request_age    = { metric = "ApproximateAgeOfOldestRequest", statistic = "Maximum", threshold = 3600, minutes = 5, says = "seconds old is the request that has waited longest" }
    overhead_latency      = { metric = "OverheadLatency", statistic = "Average", threshold = 1000000, minutes = 5, says = "microseconds are added by SageMaker itself" }
    server_errors         = { metric = "Invocation5XXErrors", statistic = "Average", threshold = 0.05, minutes = 2, says = "the share of requests at which the model failed" }
    stuck_at_zero         = { metric = "HasBacklogWithoutCapacity", statistic = "Average", threshold = 1, minutes = 15, says = "requests wait and no instance has come: is there capacity, does the container start?" }
    upload_failures       = { metric = "ResponseUploadFailures", statistic = "Sum", threshold = 1, minutes = 1, says = "outputs could not be written: may the execution role put objects there, and use their key?" }
  }
}
