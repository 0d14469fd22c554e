mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/shop-api" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/shop-api" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/api" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:shop-api", invoke_arn = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/f/invocations" }
  }

  mock_resource "aws_apigatewayv2_api" {
    defaults = { api_endpoint = "https://abc.execute-api.eu-west-1.amazonaws.com", execution_arn = "arn:aws:execute-api:eu-west-1:123456789012:abc" }
  }

  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:123456789012:rule/shop-api-sweep" }
  }
}

variables {
  name         = "shop-api"
  package_path = "versions.tf" # its bytes are hashed, not run

  async_endpoints = {
    shirts = {
      account_id  = "123456789012"
      environment = "test"
      region      = "eu-west-1"
      endpoint = {
        arn                                     = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop-test"
        config_name                             = "shop-test-1"
        execution_role_arn                      = "arn:aws:iam::123456789012:role/shop-test-execution"
        instance_type                           = "ml.m5.large"
        max_concurrent_invocations_per_instance = 4
        model_name                              = "shop-test-model"
        name                                    = "shop-test"
        variant_name                            = "primary"
      }
      http_api = {
        credentials_uri                = "s3://shop/credentials/"
        delivery_dead_letter_queue_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-test-delivery-dead-letters"
        delivery_queue_arn             = "arn:aws:sqs:eu-west-1:123456789012:shop-test-deliveries"
        delivery_queue_url             = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-test-deliveries"
        state_uri                      = "s3://shop/predictions/"
      }
      limits = { cold_start_seconds = 600, invocation_timeout_seconds = 300, request_ttl_seconds = 21600 }
      notifications = {
        dead_letter_queue_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-test-dead-letters"
        error_topic_arn       = "arn:aws:sns:eu-west-1:123456789012:shop-test-error"
        results_queue_arn     = "arn:aws:sqs:eu-west-1:123456789012:shop-test-results"
        results_queue_url     = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-test-results"
        success_topic_arn     = "arn:aws:sns:eu-west-1:123456789012:shop-test-success"
      }
      scaling = {
        max_instances               = 2
        min_instances               = 0
        resource_id                 = "endpoint/shop-test/variant/primary"
        target_backlog_per_instance = 5
        tracking_policy_name        = "shop-test-backlog-per-instance"
        wake_alarm_name             = "shop-test-has-backlog-without-capacity"
        wake_policy_name            = "shop-test-wake-from-zero"
      }
      schema_version = 1
      storage = {
        bucket      = "shop"
        failure_uri = "s3://shop/failure/"
        input_uri   = "s3://shop/input/"
        kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
        output_uri  = "s3://shop/output/"
      }
    }
  }
}

run "functions" {
  assert {
    condition = { for name, function in aws_lambda_function.this : name => jsonencode([
      function.function_name, function.handler, function.runtime, function.architectures, function.timeout, function.reserved_concurrent_executions,
      ]) } == {
      api     = jsonencode(["shop-api-api", "async_endpoint.http_api.functions.api", "python3.13", ["arm64"], 29, 50])
      deliver = jsonencode(["shop-api-deliver", "async_endpoint.http_api.functions.deliver", "python3.13", ["arm64"], 30, 5])
      sweep   = jsonencode(["shop-api-sweep", "async_endpoint.http_api.functions.sweep", "python3.13", ["arm64"], 285, 1])
    }
    error_message = "Each function must have its handler, and end before API Gateway's 30 seconds or a sixth of the queue's visibility timeout."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.kms_key_arn == "arn:aws:kms:eu-west-1:123456789012:key/api"])
    error_message = "Settings must be encrypted with the key."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : length(function.environment[0].variables.ASYNC_ENDPOINT_HTTP_API) < 1000])
    error_message = "The settings of an endpoint must leave room for others in the 4 KB of an environment."
  }

  assert {
    condition     = one([for mapping in aws_lambda_event_source_mapping.deliver : mapping.function_response_types == toset(["ReportBatchItemFailures"]) && mapping.event_source_arn == "arn:aws:sqs:eu-west-1:123456789012:shop-test-deliveries"])
    error_message = "A batch must be able to fail in part."
  }

  assert {
    condition     = aws_cloudwatch_event_rule.sweep.schedule_expression == "rate(5 minutes)" && aws_lambda_permission.sweep.source_arn == aws_cloudwatch_event_rule.sweep.arn
    error_message = "The sweep must be called by its rule alone."
  }
}

run "gateway" {
  assert {
    condition = (
      aws_apigatewayv2_integration.api.payload_format_version == "2.0" && aws_apigatewayv2_integration.api.timeout_milliseconds == 30000
      && aws_apigatewayv2_route.default.route_key == "$default" && aws_lambda_permission.api.source_arn == "arn:aws:execute-api:eu-west-1:123456789012:abc/*/*"
    )
    error_message = "Every request must reach the application, and this API alone may call it."
  }

  assert {
    condition     = length(aws_apigatewayv2_api.this.cors_configuration) == 0
    error_message = "Without origins no page of another origin must be able to use the API."
  }

  assert {
    condition = (
      aws_apigatewayv2_stage.default.default_route_settings[0].throttling_burst_limit == 100 && aws_apigatewayv2_stage.default.default_route_settings[0].throttling_rate_limit == 50
      && length(regexall("(?i)authorization|querystring|authorizer|header", aws_apigatewayv2_stage.default.access_log_settings[0].format)) == 0
    )
    error_message = "Requests must be throttled, and logged without headers and queries."
  }
}

run "permissions_are_those_of_each_function" {
  command = plan

  assert {
    condition = {
      for function, document in data.aws_iam_policy_document.function : function => sort(distinct(flatten(document.statement[*].actions)))
      } == {
      api = tolist([
        "cloudwatch:GetMetricData", "kms:Decrypt", "kms:GenerateDataKey", "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetObject", "s3:ListBucket",
        "s3:PutObject", "sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpointAsync", "sqs:SendMessage",
      ])
      deliver = tolist([
        "kms:Decrypt", "kms:GenerateDataKey", "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetObject", "s3:ListBucket", "s3:PutObject",
        "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage",
      ])
      sweep = tolist([
        "kms:Decrypt", "kms:GenerateDataKey", "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetObject", "s3:ListBucket", "s3:PutObject", "sqs:SendMessage",
      ])
    }
    error_message = "Only the api may invoke, only deliver may receive, and none may delete an object."
  }

  assert {
    condition = {
      for function, document in data.aws_iam_policy_document.function : function => sort(flatten([
        for statement in document.statement : [for resource in statement.resources : trimprefix(resource, "arn:aws:s3:::shop/")] if contains(statement.actions, "s3:PutObject")
      ]))
      } == {
      api     = tolist(["credentials/secrets/*", "input/api/*", "predictions/records/*", "predictions/submitted/*"])
      deliver = tolist(["credentials/secrets/*", "predictions/outcomes/*"])
      sweep   = tolist(["predictions/sweep.json"])
    }
    error_message = "Each function must write what it owns: none writes an API key, and only deliver writes outcomes."
  }

  assert {
    condition = {
      for function, document in data.aws_iam_policy_document.function : function => sort(distinct(flatten([
        for statement in document.statement : [for resource in statement.resources : trimprefix(resource, "arn:aws:s3:::shop/")] if contains(statement.actions, "s3:GetObject")
      ])))
      } == {
      api = tolist([
        "credentials/keys/*", "credentials/secrets/*", "failure/*", "input/api/*", "output/api/*", "predictions/outcomes/*", "predictions/records/*",
        "predictions/submitted/*",
      ])
      deliver = tolist(["credentials/secrets/*", "failure/*", "output/api/*", "predictions/outcomes/*", "predictions/records/*", "predictions/submitted/*"])
      sweep   = tolist(["predictions/outcomes/*", "predictions/records/*", "predictions/submitted/*", "predictions/sweep.json"])
    }
    error_message = "Each function must read what its code reads, and only api an API key or an input."
  }

  assert {
    condition = alltrue(flatten([
      for function, document in data.aws_iam_policy_document.function : [
        for statement in document.statement : function == "api" ? statement.sid == "Measure" : false if contains(statement.resources, "*")
      ]
    ]))
    error_message = "No resource may be a wildcard but where the action has none."
  }

  assert {
    condition = {
      for function, document in data.aws_iam_policy_document.function : function => one([for statement in document.statement : one(one(statement.condition).values) if statement.sid == "List"])
    } == { api = "predictions/submitted/*", deliver = "predictions/outcomes/", sweep = "predictions/submitted/*" }
    error_message = "What may be listed must lie below the state, in the bucket's keys."
  }

  assert {
    condition     = { for function, role in aws_iam_role.this : function => role.name } == { api = "shop-api-eu-west-1-api", deliver = "shop-api-eu-west-1-deliver", sweep = "shop-api-eu-west-1-sweep" }
    error_message = "Names of roles must be known before they exist, for http_api.sender_role_arns."
  }
}

run "alarms" {
  assert {
    condition = output.alarm_names == tolist([
      "shop-api-api-errors", "shop-api-api-throttles", "shop-api-deliver-errors", "shop-api-deliver-throttles", "shop-api-server-errors",
      "shop-api-shirts-dead-letters", "shop-api-sweep-errors", "shop-api-sweep-missing", "shop-api-sweep-throttles",
    ])
    error_message = "Errors, throttles, dead letters and a sweep that does not run must be noticed."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["shirts-dead-letters"].dimensions == tomap({ QueueName = "shop-test-delivery-dead-letters" })
    error_message = "The alarm must watch the dead letter queue of the endpoint."
  }
}

run "busy_is_no_server_error" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_log_metric_filter.server_errors.pattern == "{ ($.status = \"5*\") && ($.status != \"503\") }"
      && aws_cloudwatch_metric_alarm.this["server-errors"].metric_name == "shop-api-server-errors"
    )
    error_message = "Refusals of a busy endpoint must not fire the alarm."
  }
}

run "a_page_of_another_origin" {
  command = plan

  variables {
    api = { cors_origins = ["https://app.example.com"] }
  }

  assert {
    condition = (
      one(aws_apigatewayv2_api.this.cors_configuration).allow_origins == toset(["https://app.example.com"])
      && one(aws_apigatewayv2_api.this.cors_configuration).allow_credentials == false
    )
    error_message = "Only the given origins may read responses, and without cookies."
  }
}

run "a_key_that_exists" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/team"
  }

  assert {
    condition     = length(aws_kms_key.this) == 0 && aws_cloudwatch_log_group.access.kms_key_id == "arn:aws:kms:eu-west-1:123456789012:key/team"
    error_message = "A supplied key must be used, and none created."
  }
}

run "refuses_an_endpoint_of_another_region" {
  command         = plan
  expect_failures = [aws_lambda_function.this]

  override_data {
    target = data.aws_region.current
    values = { id = "us-east-1" }
  }
}
