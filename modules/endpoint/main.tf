data "aws_region" "current" {}

# Every update resets the instance count to initial_instances (provider issue 48990: RetainAllVariantProperties is not exposed).
resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = var.endpoint_config.name
  tags                 = var.tags

  # Serverless endpoints have no guardrails. guardrails.tf computes the fields.
  dynamic "deployment_config" {
    for_each = local.deployment[*]

    content {
      dynamic "auto_rollback_configuration" {
        for_each = length(local.rollback_alarm_names) > 0 ? [local.rollback_alarm_names] : []

        content {
          dynamic "alarms" {
            for_each = auto_rollback_configuration.value

            content {
              alarm_name = alarms.value
            }
          }
        }
      }

      dynamic "blue_green_update_policy" {
        for_each = deployment_config.value.blue_green[*]
        iterator = policy

        content {
          maximum_execution_timeout_in_seconds = var.guardrails.maximum_seconds
          termination_wait_in_seconds          = var.guardrails.termination_wait_seconds

          traffic_routing_configuration {
            type                     = policy.value.type
            wait_interval_in_seconds = policy.value.wait_seconds

            dynamic "canary_size" {
              for_each = policy.value.canary_size[*]

              content {
                type  = canary_size.value.type
                value = canary_size.value.value
              }
            }

            dynamic "linear_step_size" {
              for_each = policy.value.linear_step_size[*]

              content {
                type  = linear_step_size.value.type
                value = linear_step_size.value.value
              }
            }
          }
        }
      }

      dynamic "rolling_update_policy" {
        for_each = deployment_config.value.rolling[*]
        iterator = policy

        content {
          maximum_execution_timeout_in_seconds = var.guardrails.maximum_seconds
          wait_interval_in_seconds             = policy.value.wait_seconds

          maximum_batch_size {
            type  = policy.value.batch_size.type
            value = policy.value.batch_size.value
          }

          dynamic "rollback_maximum_batch_size" {
            for_each = policy.value.rollback_size[*]

            content {
              type  = rollback_maximum_batch_size.value.type
              value = rollback_maximum_batch_size.value.value
            }
          }
        }
      }
    }
  }

  # SageMaker rolls a failing update back without an error that the provider sees (provider issues 48997, 46663). Stopping here keeps
  # the configuration, model and archive in service: Terraform would destroy them next, and SageMaker would not refuse.
  lifecycle {
    # MaximumExecutionTimeoutInSeconds is at most 28800 in the API (botocore 1.44.5), and 14400 in provider 5.100.
    precondition {
      condition     = local.deployment == null || local.waiting_seconds < coalesce(var.guardrails.maximum_seconds, 28800)
      error_message = "Set guardrails.maximum_seconds above ${local.waiting_seconds} seconds (at most 14400), or shorten the waits: an update waits that long in all (wait_seconds after each of its ${local.steps} steps, and termination_wait_seconds unless rolling), and SageMaker rolls it back at its limit."
    }

    postcondition {
      condition     = self.endpoint_config_name == var.endpoint_config.name
      error_message = "Endpoint ${self.name} was rolled back: it serves configuration ${self.endpoint_config_name} instead of ${var.endpoint_config.name}. Read the endpoint's FailureReason and the logs of its new instances, fix the cause and apply again; the configuration in service was kept."
    }
  }

  depends_on = [aws_cloudwatch_log_group.this, terraform_data.scaled]
}

# Created by SageMaker, the group would never expire and would outlive the endpoint.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts with a key of its own unless logs.kms_key_arn is given.
  #checkov:skip=CKV_AWS_338:Retention is each environment's choice; dev needs a week, not a year.
  name              = "/aws/sagemaker/Endpoints/${var.name}"
  kms_key_id        = var.logs.kms_key_arn
  retention_in_days = var.logs.retention_days
  tags              = var.tags

  lifecycle {
    precondition {
      condition     = var.logs.kms_key_arn == null || try(split(":", var.logs.kms_key_arn)[3] == data.aws_region.current.id, false)
      error_message = "Field logs.kms_key_arn must be a key in ${data.aws_region.current.id}, the endpoint's region: AWS KMS has no keys across regions."
    }
  }
}
