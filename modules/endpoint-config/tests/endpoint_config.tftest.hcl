mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }

  mock_resource "aws_sagemaker_endpoint_configuration" {
    defaults = { name = "shop-test-20250101" }
  }
}

variables {
  name       = "shop-test"
  encryption = { kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own" }
  inference = {
    async = {
      failure_uri = "s3://shop/failure/"
      output_uri  = "s3://shop/output/"
      topic_arns = {
        error   = "arn:aws:sns:eu-west-1:123456789012:shop-test-error"
        success = "arn:aws:sns:eu-west-1:123456789012:shop-test-success"
      }
    }
  }
  variants = { primary = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc" } }
}

run "asynchronous" {
  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.name_prefix == "shop-test-"
    error_message = "Each configuration must have its own name."
  }

  assert {
    condition = alltrue([
      for variant in aws_sagemaker_endpoint_configuration.this.production_variants :
      variant.variant_name == "primary" && variant.model_name == "shop-test-abc" && variant.initial_instance_count == 1
      && variant.instance_type == "ml.m5.xlarge" && variant.container_startup_health_check_timeout_in_seconds == 600
      && variant.model_data_download_timeout_in_seconds == 600
      && length(variant.serverless_config) + length(variant.routing_config) == 0
    ]) && length(aws_sagemaker_endpoint_configuration.this.production_variants) == 1
    error_message = "An asynchronous endpoint has one variant, which starts with one instance."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.async_inference_config[0].client_config[0].max_concurrent_invocations_per_instance == 4
    error_message = "Concurrency must be configured, or SageMaker chooses it."
  }

  assert {
    condition = alltrue([
      for output in aws_sagemaker_endpoint_configuration.this.async_inference_config[0].output_config :
      output.s3_output_path == "s3://shop/output/" && output.s3_failure_path == "s3://shop/failure/" && output.kms_key_id == var.encryption.kms_key_arn
    ])
    error_message = "Outputs and failures must have a path each, and be encrypted with the key of the deployment."
  }

  assert {
    condition = alltrue([
      for topics in aws_sagemaker_endpoint_configuration.this.async_inference_config[0].output_config[0].notification_config :
      topics.success_topic == var.inference.async.topic_arns.success && topics.error_topic == var.inference.async.topic_arns.error
      && topics.include_inference_response_in == toset(["ERROR_NOTIFICATION_TOPIC", "SUCCESS_NOTIFICATION_TOPIC"])
    ])
    error_message = "Both outcomes must be announced, with the response inside."
  }

  assert {
    condition     = output.name == "shop-test-20250101" && output.kind == "async"
    error_message = "Endpoints that share the configuration need its name and kind."
  }

  assert {
    condition = jsonencode(output.variants) == jsonencode({
      primary = {
        concurrency             = 4
        gpus                    = 0
        initial_instances       = 1
        instance_type           = "ml.m5.xlarge"
        provisioned_concurrency = null
        shadow                  = false
        startup_timeout_seconds = 600
        vcpus                   = 4
      }
    })
    error_message = "Scaling and alarms need each variant's hardware."
  }
}

run "without_topics" {
  command = plan

  variables {
    inference = {
      async = { failure_uri = "s3://shop/failure/", output_uri = "s3://shop/output/" }
    }
  }

  assert {
    condition     = length(aws_sagemaker_endpoint_configuration.this.async_inference_config[0].output_config[0].notification_config) == 0
    error_message = "Without topics there must be no notifications."
  }
}

run "one_topic" {
  command = plan

  variables {
    inference = {
      async = {
        failure_uri         = "s3://shop/failure/"
        include_response_in = ["ERROR_NOTIFICATION_TOPIC"]
        output_uri          = "s3://shop/output/"
        topic_arns          = { error = "arn:aws:sns:eu-west-1:123456789012:shop-test-error" }
      }
    }
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.async_inference_config[0].output_config[0].notification_config[0].success_topic == null
    error_message = "One outcome can be announced alone."
  }
}

run "volume_is_encrypted_where_it_can_be" {
  command = plan

  variables {
    variants = { primary = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", volume_size_gb = 50 } }
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.kms_key_arn == var.encryption.kms_key_arn
    error_message = "Volumes of instances without local storage must be encrypted with the key of the deployment."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].volume_size_in_gb == 50
    error_message = "The volume must have the configured size."
  }
}

run "no_key_on_local_storage" {
  command = plan

  variables {
    variants = { primary = { instance_type = "ml.g5.xlarge", model_name = "shop-test-abc" } }
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.kms_key_arn == null
    error_message = "SageMaker refuses a key on instance types with local NVMe storage."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.async_inference_config[0].output_config[0].kms_key_id == var.encryption.kms_key_arn
    error_message = "Results are encrypted whatever the instance type."
  }
}

run "results_as_their_bucket_says" {
  command = plan

  variables {
    encryption = { encrypt_results = false, kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own" }
    variants   = { primary = { core_dump_uri = "s3://shop/core-dumps/", instance_type = "ml.m5.xlarge", model_name = "shop-test-abc" } }
  }

  assert {
    condition = (
      aws_sagemaker_endpoint_configuration.this.async_inference_config[0].output_config[0].kms_key_id == null
      && one(aws_sagemaker_endpoint_configuration.this.production_variants).core_dump_config[0].kms_key_id == null
      && aws_sagemaker_endpoint_configuration.this.kms_key_arn == var.encryption.kms_key_arn
    )
    error_message = "The key must encrypt volumes alone: results and core dumps may outlive it."
  }
}

run "instance_settings" {
  command = plan

  variables {
    variants = {
      primary = {
        core_dump_uri         = "s3://shop/core-dumps/"
        enable_ssm_access     = true
        inference_ami_version = "al2-ami-sagemaker-inference-gpu-3-1"
        instance_type         = "ml.g5.xlarge"
        model_name            = "shop-test-abc"
      }
    }
  }

  assert {
    condition = alltrue([
      for variant in aws_sagemaker_endpoint_configuration.this.production_variants :
      variant.enable_ssm_access && variant.inference_ami_version == "al2-ami-sagemaker-inference-gpu-3-1"
      && variant.core_dump_config[0].destination_s3_uri == "s3://shop/core-dumps/" && variant.core_dump_config[0].kms_key_id == var.encryption.kms_key_arn
    ])
    error_message = "Settings of instances must reach the variant, and core dumps be encrypted with the key."
  }
}

run "real_time" {
  command = plan

  variables {
    inference = {
      real_time = {
        data_capture = { json_content_types = ["application/json"], modes = ["Output"], sampling_percent = 20, uri = "s3://shop/capture/" }
      }
    }
    variants = {
      a = { instance_type = "ml.m5.xlarge", model_name = "shop-a", routing_strategy = "LEAST_OUTSTANDING_REQUESTS", weight = 9 }
      b = { initial_instances = 2, instance_type = "ml.m5.12xlarge", model_name = "shop-b" }
    }
  }

  assert {
    condition = jsonencode([
      for variant in aws_sagemaker_endpoint_configuration.this.production_variants :
      [variant.variant_name, variant.model_name, variant.initial_variant_weight, variant.initial_instance_count]
    ]) == jsonencode([["a", "shop-a", 9, 1], ["b", "shop-b", 1, 2]])
    error_message = "Requests are shared among variants by weight."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.production_variants[0].routing_config[0].routing_strategy == "LEAST_OUTSTANDING_REQUESTS"
    error_message = "Requests must be routed as configured."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.kms_key_arn == var.encryption.kms_key_arn
    error_message = "The volumes of all variants must be encrypted with the key of the deployment."
  }

  assert {
    condition = alltrue([
      for capture in aws_sagemaker_endpoint_configuration.this.data_capture_config :
      capture.enable_capture && capture.initial_sampling_percentage == 20 && capture.destination_s3_uri == "s3://shop/capture/"
      && capture.kms_key_id == var.encryption.kms_key_arn && capture.capture_options[*].capture_mode == tolist(["Output"])
      && capture.capture_content_type_header[0].json_content_types == toset(["application/json"])
    ])
    error_message = "The configured share of requests must be captured, encrypted with the key."
  }

  assert {
    condition     = length(aws_sagemaker_endpoint_configuration.this.async_inference_config) == 0 && output.kind == "real_time"
    error_message = "A real-time configuration has no queue."
  }

  assert {
    condition     = output.variants.b.gpus == 0 && output.variants.b.vcpus == 48 && output.variants.a.concurrency == null
    error_message = "Scaling and alarms need each variant's hardware."
  }
}

run "shadow" {
  command = plan

  variables {
    inference = { real_time = {} }
    variants = {
      live  = { instance_type = "ml.m5.xlarge", model_name = "shop-a" }
      tried = { core_dump_uri = "s3://shop/core-dumps/", instance_type = "ml.m5.xlarge", model_name = "shop-b", routing_strategy = "RANDOM", shadow = true, weight = 0.5 }
    }
  }

  assert {
    condition = (
      aws_sagemaker_endpoint_configuration.this.production_variants[*].variant_name == tolist(["live"])
      && aws_sagemaker_endpoint_configuration.this.shadow_production_variants[*].variant_name == tolist(["tried"])
    )
    error_message = "A shadow variant's responses are discarded."
  }

  assert {
    condition = alltrue([
      for variant in aws_sagemaker_endpoint_configuration.this.shadow_production_variants :
      variant.model_name == "shop-b" && variant.initial_variant_weight == 0.5 && variant.initial_instance_count == 1
      && variant.core_dump_config[0].kms_key_id == var.encryption.kms_key_arn && variant.routing_config[0].routing_strategy == "RANDOM"
    ])
    error_message = "A shadow has the settings a production variant has."
  }
}

run "serverless" {
  command = plan

  variables {
    inference = {
      serverless = { max_concurrency = 5, memory_mb = 2048, provisioned_concurrency = 2 }
    }
    variants = { primary = { model_name = "shop-a" } }
  }

  assert {
    condition = alltrue([
      for variant in aws_sagemaker_endpoint_configuration.this.production_variants :
      variant.initial_instance_count == null && variant.instance_type == null && variant.model_data_download_timeout_in_seconds == null
      && variant.container_startup_health_check_timeout_in_seconds == null
      && variant.serverless_config[0].memory_size_in_mb == 2048 && variant.serverless_config[0].max_concurrency == 5
      && variant.serverless_config[0].provisioned_concurrency == 2
    ])
    error_message = "A serverless variant has memory and concurrency, and no settings of instances."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.this.kms_key_arn == null && output.kind == "serverless" && output.variants.primary.concurrency == 5
    error_message = "A serverless variant has no volumes to encrypt."
  }
}

run "refuses_a_volume_size_on_local_storage" {
  command         = plan
  expect_failures = [aws_sagemaker_endpoint_configuration.this]

  variables {
    variants = { primary = { instance_type = "ml.g5.xlarge", model_name = "shop-test-abc", volume_size_gb = 50 } }
  }
}

run "refuses_a_key_for_some_variants" {
  command         = plan
  expect_failures = [aws_sagemaker_endpoint_configuration.this]

  variables {
    inference = { real_time = {} }
    variants = {
      a = { instance_type = "ml.m5.xlarge", model_name = "shop-a" }
      b = { instance_type = "ml.g5.xlarge", model_name = "shop-b" }
    }
  }
}

run "refuses_a_key_of_another_region" {
  command         = plan
  expect_failures = [aws_sagemaker_endpoint_configuration.this]

  variables {
    encryption = { kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/own" }
  }
}

run "refuses_results_in_a_bucket_of_another_region" {
  command         = plan
  expect_failures = [aws_sagemaker_endpoint_configuration.this]

  variables {
    inference = {
      async = { failure_uri = "s3://shop/failure/", output_uri = "s3://sagemaker-us-east-1-123456789012/output/" }
    }
  }
}

run "refuses_a_topic_of_another_region" {
  command         = plan
  expect_failures = [aws_sagemaker_endpoint_configuration.this]

  variables {
    inference = {
      async = {
        failure_uri = "s3://shop/failure/"
        output_uri  = "s3://shop/output/"
        topic_arns = {
          error   = "arn:aws:sns:eu-west-1:123456789012:shop-test-error"
          success = "arn:aws:sns:us-east-1:123456789012:shop-test-success"
        }
      }
    }
  }
}

run "refuses_core_dumps_of_a_shadow_without_a_key" {
  command         = plan
  expect_failures = [aws_sagemaker_endpoint_configuration.this]

  variables {
    inference  = { real_time = {} }
    encryption = {}
    variants = {
      live  = { instance_type = "ml.m5.xlarge", model_name = "shop-a" }
      tried = { core_dump_uri = "s3://shop/core-dumps/", instance_type = "ml.m5.xlarge", model_name = "shop-b", shadow = true }
    }
  }
}
