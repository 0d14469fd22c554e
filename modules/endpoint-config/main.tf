data "aws_region" "current" {}

locals {
  kind = one([for kind, choice in var.inference : kind if choice != null])

  _async       = var.inference.async
  _capture     = try(var.inference.real_time.data_capture, null)
  _serverless  = var.inference.serverless
  _topics      = try(var.inference.async.topic_arns, null)
  _result_uris = flatten([try([local._async.output_uri, local._async.failure_uri], []), local._capture[*].uri])

  # Regions that the names of result buckets state: the bucket of SageMaker's SDK. The same pattern as in
  # scripts/async_endpoint/core/hosting_rules.py.
  _regional_bucket = "^(?:sagemaker-([a-z]{2}(?:-[a-z]+)+-[0-9])-[0-9]{12}|jumpstart-(?:private-)?cache-prod-([a-z]{2}(?:-[a-z]+)+-[0-9]))$"
  _result_regions  = compact([for uri in local._result_uris : try(compact(regex(local._regional_bucket, split("/", uri)[2]))[0], "")])

  _results_key_arn = var.encryption.encrypt_results ? var.encryption.kms_key_arn : null

  _topic_arns = try([for arn in values(local._topics) : arn if arn != null], [])

  _instance_types = toset([for variant in var.variants : variant.instance_type if variant.instance_type != null])
  _has_nvme       = anytrue([for type in local._instance_types : local.hardware[type].nvme])

  # A serverless variant has no instances, and SageMaker refuses these fields of it.
  _instance_fields = local._serverless == null ? [] : ["initial_instances", "model_download_timeout_seconds", "startup_timeout_seconds"]
  _variants = {
    for name, variant in var.variants :
    name => merge({ for field, value in variant : field => contains(local._instance_fields, field) ? null : value }, { name = name })
  }
}

# Immutable: every change creates a configuration under a new name, and the new name updates the endpoint.
resource "aws_sagemaker_endpoint_configuration" "this" {
  #checkov:skip=CKV_AWS_98:Without a key only where SageMaker accepts none: local NVMe storage, encrypted by its hardware, and serverless.
  name_prefix = "${var.name}-"
  tags        = var.tags

  # One key for the volumes of all variants. SageMaker refuses it on instances with local NVMe storage, which hardware encrypts (A84);
  # serverless has no volumes.
  kms_key_arn = local._has_nvme || local._serverless != null ? null : var.encryption.kms_key_arn

  # Two block types with the same fields: HCL cannot generate a block of a computed type, so the body is written twice.
  dynamic "production_variants" {
    for_each = [for variant in local._variants : variant if !variant.shadow]
    iterator = variant

    content {
      variant_name           = variant.value.name
      model_name             = variant.value.model_name
      initial_variant_weight = variant.value.weight
      instance_type          = variant.value.instance_type
      initial_instance_count = variant.value.initial_instances
      volume_size_in_gb      = variant.value.volume_size_gb
      enable_ssm_access      = variant.value.enable_ssm_access
      inference_ami_version  = variant.value.inference_ami_version

      container_startup_health_check_timeout_in_seconds = variant.value.startup_timeout_seconds
      model_data_download_timeout_in_seconds            = variant.value.model_download_timeout_seconds

      dynamic "core_dump_config" {
        for_each = variant.value.core_dump_uri[*]

        content {
          destination_s3_uri = core_dump_config.value
          kms_key_id         = local._results_key_arn
        }
      }

      dynamic "routing_config" {
        for_each = variant.value.routing_strategy[*]

        content {
          routing_strategy = routing_config.value
        }
      }

      dynamic "serverless_config" {
        for_each = local._serverless[*]

        content {
          max_concurrency         = serverless_config.value.max_concurrency
          memory_size_in_mb       = serverless_config.value.memory_mb
          provisioned_concurrency = serverless_config.value.provisioned_concurrency
        }
      }
    }
  }

  dynamic "shadow_production_variants" {
    for_each = [for variant in local._variants : variant if variant.shadow]
    iterator = variant

    content {
      variant_name           = variant.value.name
      model_name             = variant.value.model_name
      initial_variant_weight = variant.value.weight
      instance_type          = variant.value.instance_type
      initial_instance_count = variant.value.initial_instances
      volume_size_in_gb      = variant.value.volume_size_gb
      enable_ssm_access      = variant.value.enable_ssm_access
      inference_ami_version  = variant.value.inference_ami_version

      container_startup_health_check_timeout_in_seconds = variant.value.startup_timeout_seconds
      model_data_download_timeout_in_seconds            = variant.value.model_download_timeout_seconds

      dynamic "core_dump_config" {
        for_each = variant.value.core_dump_uri[*]

        content {
          destination_s3_uri = core_dump_config.value
          kms_key_id         = local._results_key_arn
        }
      }

      dynamic "routing_config" {
        for_each = variant.value.routing_strategy[*]

        content {
          routing_strategy = routing_config.value
        }
      }
    }
  }

  dynamic "async_inference_config" {
    for_each = local._async[*]
    iterator = async

    content {
      client_config {
        max_concurrent_invocations_per_instance = async.value.max_concurrent_invocations
      }

      output_config {
        kms_key_id      = local._results_key_arn
        s3_failure_path = async.value.failure_uri
        s3_output_path  = async.value.output_uri

        dynamic "notification_config" {
          for_each = local._topics[*]

          content {
            error_topic                   = notification_config.value.error
            include_inference_response_in = async.value.include_response_in
            success_topic                 = notification_config.value.success
          }
        }
      }
    }
  }

  dynamic "data_capture_config" {
    for_each = local._capture[*]
    iterator = capture

    content {
      destination_s3_uri          = capture.value.uri
      enable_capture              = true
      initial_sampling_percentage = capture.value.sampling_percent
      kms_key_id                  = local._results_key_arn

      dynamic "capture_options" {
        for_each = sort(capture.value.modes)

        content {
          capture_mode = capture_options.value
        }
      }

      dynamic "capture_content_type_header" {
        for_each = length(setunion(capture.value.csv_content_types, capture.value.json_content_types)) > 0 ? [capture.value] : []
        iterator = header

        content {
          csv_content_types  = length(header.value.csv_content_types) > 0 ? header.value.csv_content_types : null
          json_content_types = length(header.value.json_content_types) > 0 ? header.value.json_content_types : null
        }
      }
    }
  }

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = alltrue([for variant in var.variants : variant.volume_size_gb == null || !try(local.hardware[variant.instance_type].nvme, false)])
      error_message = "Remove volume_size_gb from each variant whose instance type has local storage, such as ml.g5.xlarge: its size is fixed."
    }

    precondition {
      condition     = var.encryption.kms_key_arn == null || !local._has_nvme || alltrue([for type in local._instance_types : local.hardware[type].nvme])
      error_message = "Give variants on ${join(", ", sort([for type in local._instance_types : type if local.hardware[type].nvme]))} an endpoint of their own, or use instance types without local storage: a configuration has one key for all volumes, SageMaker refuses it on local storage, and without it the other variants' volumes would lose it."
    }

    precondition {
      condition     = var.encryption.kms_key_arn == null || try(split(":", var.encryption.kms_key_arn)[3] == data.aws_region.current.id, false)
      error_message = "Field encryption.kms_key_arn must be a key in ${data.aws_region.current.id}, the endpoint's region: AWS KMS has no keys across regions."
    }

    precondition {
      condition     = alltrue([for region in local._result_regions : region == data.aws_region.current.id])
      error_message = "Results of ${data.aws_region.current.id} must not go to buckets of ${join(", ", local._result_regions)}, the region in their names: SageMaker writes to buckets in the endpoint's region."
    }

    precondition {
      condition     = alltrue([for arn in local._topic_arns : split(":", arn)[3] == data.aws_region.current.id])
      error_message = "Each topic of inference.async.topic_arns must be in ${data.aws_region.current.id}, the endpoint's region: SageMaker does not publish to other regions. Use a topic here and subscribe to it from there."
    }

    precondition {
      condition     = alltrue([for variant in local._variants : !variant.shadow || variant.core_dump_uri == null || local._results_key_arn != null])
      error_message = "Give encryption.kms_key_arn: the provider requires a key for core dumps of a shadow variant."
    }
  }
}
