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

  mock_data "aws_sagemaker_prebuilt_ecr_image" {
    defaults = { registry_path = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312" }
  }

  mock_resource "aws_appautoscaling_policy" {
    defaults = { arn = "arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:1:resource/sagemaker/endpoint/shop-test/variant/primary:policyName/shop-test" }
  }

  mock_resource "aws_cloudwatch_metric_alarm" {
    defaults = { arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-test" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/shop-test" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/shop-test-eu-west-1-execution" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/own" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::shop-test-123456789012-eu-west-1" }
  }

  mock_resource "aws_sagemaker_endpoint" {
    defaults = { arn = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop-test" }
  }

  mock_resource "aws_sagemaker_endpoint_configuration" {
    defaults = { name = "shop-test-20250101" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-west-1:123456789012:shop-test" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:shop-test", url = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-test" }
  }
}

variables {
  environment = "test"
  name        = "shop"
  model       = { containers = [{ archive = { s3_uri = "s3://models/shop/model.tar.gz" }, image = { framework = "pytorch", version = "2.6.0" } }] }
}

run "output" {
  assert {
    condition = jsonencode(output.async_endpoint) == jsonencode({
      schema_version = 1
      environment    = "test"
      region         = "eu-west-1"
      account_id     = "123456789012"
      endpoint = {
        arn                                     = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop-test"
        config_name                             = "shop-test-20250101"
        execution_role_arn                      = "arn:aws:iam::123456789012:role/shop-test-eu-west-1-execution"
        instance_type                           = "ml.m5.xlarge"
        max_concurrent_invocations_per_instance = 4
        model_name                              = module.model.name
        name                                    = "shop-test"
        variant_name                            = "primary"
      }
      http_api = null
      limits = {
        cold_start_seconds         = 600
        invocation_timeout_seconds = 300
        request_ttl_seconds        = 21600
      }
      monitoring = {
        alarm_names = [
          "shop-test-backlog",
          "shop-test-oldest-request-age",
          "shop-test-primary-client-errors",
          "shop-test-primary-cpu",
          "shop-test-primary-disk",
          "shop-test-primary-download-failures",
          "shop-test-primary-expired-requests",
          "shop-test-primary-invocation-failures",
          "shop-test-primary-memory",
          "shop-test-primary-model-latency",
          "shop-test-primary-notification-failures",
          "shop-test-primary-server-errors",
          "shop-test-primary-upload-failures",
          "shop-test-stuck-at-zero",
        ]
        dashboard_name = "shop-test-eu-west-1"
      }
      model = {
        archives       = module.model.archives
        execution_role = module.model.execution_role
      }
      notifications = {
        dead_letter_queue_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-test"
        error_topic_arn       = "arn:aws:sns:eu-west-1:123456789012:shop-test"
        publishers_restricted = true
        results_queue_arn     = "arn:aws:sqs:eu-west-1:123456789012:shop-test"
        results_queue_url     = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-test"
        success_topic_arn     = "arn:aws:sns:eu-west-1:123456789012:shop-test"
      }
      scaling = {
        max_instances               = 2
        min_instances               = 0
        resource_id                 = "endpoint/shop-test/variant/primary"
        schedules                   = []
        target_backlog_per_instance = 5
        tracking_policy_name        = "shop-test-backlog-per-instance"
        wake_alarm_name             = "shop-test-has-backlog-without-capacity"
        wake_policy_name            = "shop-test-wake-from-zero"
      }
      storage = {
        bucket      = "shop-test-123456789012-eu-west-1"
        failure_uri = "s3://shop-test-123456789012-eu-west-1/failure/"
        input_uri   = "s3://shop-test-123456789012-eu-west-1/input/"
        kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
        output_uri  = "s3://shop-test-123456789012-eu-west-1/output/"
      }
    })
    error_message = "The output must be what scripts/async_endpoint/core/outputs.py reads."
  }

  assert {
    condition     = output.access.policies.caller == { arn = null, json = "{}" } && alltrue([for arn in output.access.github_role_arns : arn == null])
    error_message = "The caller policy must be an output; a managed one is created only on request."
  }
}

run "settings_reach_their_modules" {
  variables {
    access        = { managed_policies = ["caller"] }
    endpoint      = { max_concurrent_invocations = 8, request_ttl_seconds = 3600, startup_timeout_seconds = 900 }
    notifications = { max_receives = 9, include_response_in = ["SUCCESS_NOTIFICATION_TOPIC"] }
    scaling       = { max_instances = 5, min_instances = 1, target_backlog_per_instance = 2 }
    storage       = { force_destroy = true, expire_after_days = { input = 2 } }
    model = {
      containers = [{
        environment = { EMBEDDER = "clip" }
        image       = { framework = "pytorch", version = "2.6.0" }
        serving     = { timeout_seconds = 1200 }
      }]
    }
  }

  assert {
    condition = jsonencode(output.async_endpoint.limits) == jsonencode({
      cold_start_seconds         = 900
      invocation_timeout_seconds = 1200
      request_ttl_seconds        = 3600
    })
    error_message = "Limits must be those the endpoint and its container were given."
  }

  assert {
    condition     = output.async_endpoint.endpoint.max_concurrent_invocations_per_instance == 8
    error_message = "Concurrency must reach the endpoint."
  }

  assert {
    condition = (
      output.async_endpoint.scaling.max_instances == 5 && output.async_endpoint.scaling.min_instances == 1
      && output.async_endpoint.scaling.target_backlog_per_instance == 2
    )
    error_message = "Scaling must reach the endpoint."
  }

  assert {
    condition     = module.model.containers[0].environment.EMBEDDER == "clip" && module.model.containers[0].environment.MODEL_SERVER_TIMEOUT == "1200"
    error_message = "Environment and serving must reach the container."
  }

  assert {
    condition     = output.access.policies.caller.arn != null
    error_message = "A requested managed policy must be created."
  }
}

run "shared_storage_is_used_below_prefixes_of_its_own" {
  variables {
    storage = {
      shared = {
        bucket_arn     = "arn:aws:s3:::team"
        bucket_name    = "team"
        endpoint_names = ["*-test"]
        kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/team"
        prefixes       = { credentials = "credentials/", failure = "failure/", input = "input/", model = "model/", output = "output/", predictions = "predictions/" }
        topic_arns     = []
      }
    }
  }

  assert {
    condition = length(module.storage) == 0 && jsonencode(output.async_endpoint.storage) == jsonencode({
      bucket      = "team"
      failure_uri = "s3://team/failure/shop/"
      input_uri   = "s3://team/input/shop/"
      kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/team"
      output_uri  = "s3://team/output/shop/"
    })
    error_message = "An endpoint must store its data below its name in each role's prefix, and create neither bucket nor key."
  }

  assert {
    condition     = local.storage.prefixes.model == "model/shop/" && local.storage.shared
    error_message = "Policies must be limited to the prefixes of the endpoint."
  }
}

run "an_http_api_has_a_delivery_queue_and_state_of_its_own" {
  variables {
    http_api = {}
    storage  = { prefixes = { predictions = "api/" } }
  }

  assert {
    condition = jsonencode(output.async_endpoint.http_api) == jsonencode({
      credentials_uri                = "s3://shop-test-123456789012-eu-west-1/credentials/"
      delivery_dead_letter_queue_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-test"
      delivery_queue_arn             = "arn:aws:sqs:eu-west-1:123456789012:shop-test"
      delivery_queue_url             = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-test"
      state_uri                      = "s3://shop-test-123456789012-eu-west-1/api/"
    })
    error_message = "The output must be what HttpApi of scripts/async_endpoint/core/outputs.py reads."
  }
}

run "a_gpu_instance_takes_a_gpu_image" {
  command = plan

  variables {
    endpoint = { instance_type = "ml.g5.xlarge" }
  }

  assert {
    condition     = local._processor == "gpu"
    error_message = "The image of a GPU instance must be one for GPUs."
  }
}

run "alarms_on_the_new_instances" {
  variables {
    guardrails = { new_fleet_only = true }
  }

  assert {
    condition     = local._rollback_alarm_names == ["shop-test-primary-server-errors-*"]
    error_message = "The execution role must be allowed to read the alarms of every configuration."
  }

  assert {
    condition     = contains(output.async_endpoint.monitoring.alarm_names, "shop-test-primary-server-errors-20250101")
    error_message = "Verification must know the alarm of the configuration."
  }
}

run "names_of_an_endpoint_that_exists" {
  variables {
    guardrails    = { rollback_on = ["server_errors"] }
    notifications = { replace_topic_policies = false }
    scaling       = { max_instances = 2, schedules = { day = { max_instances = 2, min_instances = 1, schedule = "cron(0 7 ? * * *)" } } }
    storage       = { bucket_settings = [] }
    names = {
      bucket            = "team-data"
      dead_letter_queue = "Dead"
      endpoint          = "TeamEndpoint"
      error_topic       = "Errors"
      results_queue     = "Answers"
      role              = "TeamRole"
      scheduled_actions = { day = "Morning up" }
      success_topic     = "Results"
      tracking_policy   = "Track"
      variant           = "AllTraffic"
      wake_alarm        = "Wake (1)"
      wake_policy       = "Wake"
    }
  }

  assert {
    condition = (
      [output.async_endpoint.endpoint.name, output.async_endpoint.endpoint.variant_name, output.async_endpoint.storage.bucket] == ["TeamEndpoint", "AllTraffic", "team-data"]
      && output.async_endpoint.monitoring.dashboard_name == "TeamEndpoint-eu-west-1"
      && contains(output.async_endpoint.monitoring.alarm_names, "TeamEndpoint-AllTraffic-server-errors")
      && local._rollback_alarm_names == ["TeamEndpoint-AllTraffic-server-errors"]
    )
    error_message = "Alarms and dashboard must be named after the endpoint, and Python must know its names."
  }

  assert {
    condition = jsonencode(output.async_endpoint.scaling) == jsonencode({
      max_instances               = 2
      min_instances               = 0
      resource_id                 = "endpoint/TeamEndpoint/variant/AllTraffic"
      schedules                   = [{ action_name = "Morning up", max_instances = 2, min_instances = 1 }]
      target_backlog_per_instance = 5
      tracking_policy_name        = "Track"
      wake_alarm_name             = "Wake (1)"
      wake_policy_name            = "Wake"
    })
    error_message = "Scaling must have the names that it has."
  }

  assert {
    condition     = module.model.planned_execution_role_arn == "arn:aws:iam::123456789012:role/TeamRole" && module.notifications.planned_topic_arns.error == "arn:aws:sns:eu-west-1:123456789012:Errors"
    error_message = "Role and topics must have the names that they have."
  }
}
