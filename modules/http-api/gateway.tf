# One route: the application has the routes, and refuses what it does not serve with its own problem documents.
resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = "HTTP API of asynchronous endpoints"
  protocol_type = "HTTP"
  tags          = var.tags

  # Without origins no page of another origin can read a response. The console is of the same origin.
  dynamic "cors_configuration" {
    for_each = length(var.api.cors_origins) > 0 ? [var.api.cors_origins] : []

    content {
      allow_credentials = false
      allow_headers = [
        "accept", "authorization", "content-type", "idempotency-key", "if-none-match", "if-range", "last-event-id", "prefer", "range", "webhook-events",
        "webhook-url", "x-request-id",
      ]
      allow_methods  = ["GET", "HEAD", "POST", "PUT"]
      allow_origins  = cors_configuration.value
      expose_headers = ["content-range", "etag", "location", "preference-applied", "retry-after", "x-request-id"]
      max_age        = 600
    }
  }
}

resource "aws_apigatewayv2_integration" "api" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.this["api"].invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 30000
}

resource "aws_apigatewayv2_route" "default" {
  #checkov:skip=CKV_AWS_309:The application verifies API keys, per endpoint; HTTP APIs have no API keys of their own.
  api_id             = aws_apigatewayv2_api.this.id
  authorization_type = "NONE"
  route_key          = "$default"
  target             = "integrations/${aws_apigatewayv2_integration.api.id}"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true
  tags        = var.tags

  # Without queries and headers, which may hold what a caller would not log.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn

    format = jsonencode({
      error      = "$context.error.message"
      error_of   = "$context.integrationErrorMessage"
      ip         = "$context.identity.sourceIp"
      latency_ms = "$context.responseLatency"
      method     = "$context.httpMethod"
      path       = "$context.path"
      request_id = "$context.requestId"
      sent_bytes = "$context.responseLength"
      status     = "$context.status"
      time       = "$context.requestTimeEpoch"
    })
  }

  # Of all callers together; the application limits each key.
  default_route_settings {
    throttling_burst_limit = var.throttling.burst
    throttling_rate_limit  = var.throttling.requests_per_second
  }
}

resource "aws_lambda_permission" "api" {
  statement_id  = "Serve"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["api"].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"
}
