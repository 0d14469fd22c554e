locals {
  _has_nvme = can(regex(local._nvme_pattern, var.variant.instance_type))
}

resource "aws_sagemaker_endpoint_configuration" "this" {
  name_prefix = "${var.name}-"

  # SageMaker refuses a key on instances with local NVMe storage, which their hardware encrypts.
  kms_key_arn = local._has_nvme ? null : var.kms_key_arn

  production_variants {
    variant_name           = local.variant_name
    model_name             = var.model_name
    instance_type          = var.variant.instance_type
    initial_instance_count = var.variant.initial_instances
    volume_size_in_gb      = var.variant.volume_size_gb

    container_startup_health_check_timeout_in_seconds = var.variant.startup_timeout_seconds
    model_data_download_timeout_in_seconds            = var.variant.model_download_timeout_seconds
  }

  async_inference_config {
    client_config {
      max_concurrent_invocations_per_instance = var.variant.max_concurrent_invocations
    }

    output_config {
      kms_key_id      = var.kms_key_arn
      s3_failure_path = var.results.failure_uri
      s3_output_path  = var.results.output_uri

      notification_config {
        error_topic                   = var.results.topic_arns.error
        include_inference_response_in = var.results.include_response_in
        success_topic                 = var.results.topic_arns.success
      }
    }
  }

  # Immutable: a change makes a new one under a new name, and the new name is what makes the endpoint update.
  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = var.variant.volume_size_gb == null || !local._has_nvme
      error_message = "Leave out variant.volume_size_gb: ${var.variant.instance_type} has local storage of a fixed size, and SageMaker refuses another."
    }
  }
}

# Every update sets the instance count back to initial_instances (provider issue 48990: RetainAllVariantProperties is
# not exposed).
resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this.name

  depends_on = [aws_cloudwatch_log_group.this, terraform_data.instance_type]
}

# Left to SageMaker, the group would be kept for ever and outlive the endpoint.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/sagemaker/Endpoints/${var.name}"
  retention_in_days = var.log_retention_days
}
