# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
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

run "refuses_a_topic_by_its_name" {
  command         = plan
  expect_failures = [var.alarm_actions]

  module {
    source = "./tests/rules"
  }

  variables {
    alarm_actions = ["on-call"]
  }
}

run "refuses_a_receiver_whose_host_is_a_prefix" {
  command         = plan
  expect_failures = [var.api]

  module {
    source = "./tests/rules"
  }

  variables {
    api = { allowed_webhooks = ["https://hooks.example"] }
  }
}

run "refuses_every_origin" {
  command         = plan
  expect_failures = [var.api]

  module {
    source = "./tests/rules"
  }

  variables {
    api = { cors_origins = ["https://*"] }
  }
}

run "refuses_inputs_of_a_whole_bucket" {
  command         = plan
  expect_failures = [var.api]

  module {
    source = "./tests/rules"
  }

  variables {
    api = { input_uris = ["s3://shop"] }
  }
}

run "refuses_to_wait_longer_than_the_gateway" {
  command         = plan
  expect_failures = [var.api]

  module {
    source = "./tests/rules"
  }

  variables {
    api = { longest_wait_seconds = 30 }
  }
}

run "refuses_to_refuse_every_prediction" {
  command         = plan
  expect_failures = [var.api]

  module {
    source = "./tests/rules"
  }

  variables {
    api = { max_wait_seconds = 0 }
  }
}

run "refuses_to_serve_nothing" {
  command         = plan
  expect_failures = [var.async_endpoints]

  module {
    source = "./tests/rules"
  }

  variables {
    async_endpoints = {}
  }
}

run "refuses_an_endpoint_without_a_delivery_queue" {
  command         = plan
  expect_failures = [var.async_endpoints]

  module {
    source = "./tests/rules"
  }

  variables {
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
        http_api = null
        limits   = { cold_start_seconds = 600, invocation_timeout_seconds = 300, request_ttl_seconds = 21600 }
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
}

run "refuses_too_little_memory" {
  command         = plan
  expect_failures = [var.functions]

  module {
    source = "./tests/rules"
  }

  variables {
    functions = { deliver = { memory_mb = 128 } }
  }
}

run "refuses_a_function_without_concurrency" {
  command         = plan
  expect_failures = [var.functions]

  module {
    source = "./tests/rules"
  }

  variables {
    functions = { api = { reserved_concurrency = 0 } }
  }
}

run "refuses_fewer_batches_than_the_queues_send" {
  command         = plan
  expect_failures = [var.functions]

  module {
    source = "./tests/rules"
  }

  variables {
    functions = { deliver = { reserved_concurrency = 4 } }
  }
}

run "refuses_one_batch_at_a_time" {
  command         = plan
  expect_failures = [var.functions]

  module {
    source = "./tests/rules"
  }

  variables {
    functions = { deliver = { maximum_concurrency = 1 } }
  }
}

run "refuses_an_alias_as_key" {
  command         = plan
  expect_failures = [var.kms_key_arn]

  module {
    source = "./tests/rules"
  }

  variables {
    kms_key_arn = "alias/aws/lambda"
  }
}

run "refuses_a_period_that_logs_do_not_have" {
  command         = plan
  expect_failures = [var.logs]

  module {
    source = "./tests/rules"
  }

  variables {
    logs = { retention_days = 8 }
  }
}

run "refuses_a_name_in_capitals" {
  command         = plan
  expect_failures = [var.name]

  module {
    source = "./tests/rules"
  }

  variables {
    name = "Shop"
  }
}

run "refuses_an_archive_that_was_not_built" {
  command         = plan
  expect_failures = [var.package_path]

  module {
    source = "./tests/rules"
  }

  variables {
    package_path = "../../build/none.zip"
  }
}

run "refuses_half_minutes" {
  command         = plan
  expect_failures = [var.sweep_minutes]

  module {
    source = "./tests/rules"
  }

  variables {
    sweep_minutes = 2.5
  }
}

run "refuses_to_let_no_request_pass" {
  command         = plan
  expect_failures = [var.throttling]

  module {
    source = "./tests/rules"
  }

  variables {
    throttling = { burst = 0 }
  }
}
