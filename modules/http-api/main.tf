data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account   = data.aws_caller_identity.current.account_id
  _partition = data.aws_partition.current.partition
  _region    = data.aws_region.current.id
  _suffix    = data.aws_partition.current.dns_suffix

  # Attempts of ten webhooks side by side, each within its own limits (http_api/webhooks/delivery.py); a sweep stops by itself before
  # its time is up, and the next one continues.
  _functions = {
    api     = { description = "Serves requests", memory_mb = var.functions.api.memory_mb, concurrency = var.functions.api.reserved_concurrency, timeout = 29 }
    deliver = { description = "Delivers webhooks", memory_mb = var.functions.deliver.memory_mb, concurrency = local._deliver_concurrency, timeout = 30 }
    sweep   = { description = "Finds ends of predictions that nothing announced", memory_mb = var.functions.sweep.memory_mb, concurrency = 1, timeout = min(300, 60 * var.sweep_minutes - 15) }
  }

  _deliver_concurrency = coalesce(var.functions.deliver.reserved_concurrency, var.functions.deliver.maximum_concurrency * length(var.async_endpoints))

  # Read by http_api/functions.py. Compressed, because the environment of a function has at most 4 KB (Lambda quotas).
  _settings = base64gzip(jsonencode({
    allowed_webhooks     = var.api.allowed_webhooks
    cors_origins         = var.api.cors_origins
    endpoints            = var.async_endpoints
    input_uris           = var.api.input_uris
    longest_wait_seconds = var.api.longest_wait_seconds
    max_wait_seconds     = var.api.max_wait_seconds
    read_only            = var.api.read_only
  }))
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:Requests are followed by their request ids, from the access log to the inference id; traces would need another permission.
  #checkov:skip=CKV_AWS_116:The api is called synchronously, the delivery queue has a dead letter queue, and a sweep is repeated by its schedule.
  #checkov:skip=CKV_AWS_117:The functions call AWS and receivers of webhooks on the internet; in a VPC they would need a NAT gateway that costs while idle.
  #checkov:skip=CKV_AWS_272:The archive is built from packages locked by hash, and its own hash is in the plan.
  for_each = local._functions

  function_name                  = "${var.name}-${each.key}"
  description                    = "${each.value.description} of the HTTP API ${var.name}"
  architectures                  = ["arm64"]
  filename                       = var.package_path
  handler                        = "async_endpoint.http_api.functions.${each.key}"
  kms_key_arn                    = local._kms_key_arn
  memory_size                    = each.value.memory_mb
  reserved_concurrent_executions = each.value.concurrency
  role                           = aws_iam_role.this[each.key].arn
  runtime                        = "python3.13"
  source_code_hash               = filebase64sha256(var.package_path)
  tags                           = var.tags
  timeout                        = each.value.timeout

  # Decrypted by Lambda itself (assumption A286).
  environment {
    variables = { ASYNC_ENDPOINT_HTTP_API = local._settings }
  }

  logging_config {
    application_log_level = "INFO"
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.function[each.key].name
    system_log_level      = "WARN"
  }

  lifecycle {
    precondition {
      condition     = length(local._settings) <= 3900
      error_message = "The settings of ${length(var.async_endpoints)} endpoints take ${length(local._settings)} bytes, and the environment of a Lambda function has 4 KB: serve some of them by another HTTP API."
    }

    precondition {
      condition     = alltrue([for endpoint in var.async_endpoints : endpoint.region == local._region && endpoint.account_id == local._account])
      error_message = "Endpoints must be in ${local._region} and account ${local._account}: a Lambda function receives from queues of its own region."
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

# A message that fails comes back alone: the others of its batch are deleted.
resource "aws_lambda_event_source_mapping" "deliver" {
  for_each = var.async_endpoints

  batch_size              = 10
  event_source_arn        = each.value.http_api.delivery_queue_arn
  function_name           = aws_lambda_function.this["deliver"].arn
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = var.functions.deliver.maximum_concurrency
  }
}

resource "aws_cloudwatch_event_rule" "sweep" {
  name                = "${var.name}-sweep"
  description         = "Sweep of the HTTP API ${var.name}"
  schedule_expression = "rate(${var.sweep_minutes} minutes)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "sweep" {
  rule = aws_cloudwatch_event_rule.sweep.name
  arn  = aws_lambda_function.this["sweep"].arn
}

# The next sweep repeats one that failed.
resource "aws_lambda_function_event_invoke_config" "sweep" {
  function_name          = aws_lambda_function.this["sweep"].function_name
  maximum_retry_attempts = 0
}

resource "aws_lambda_permission" "sweep" {
  statement_id  = "Sweep"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["sweep"].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.sweep.arn
}
