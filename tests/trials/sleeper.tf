# An endpoint that sleeps, made by the modules that make every endpoint; what they need besides is given.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region = "eu-west-1"

  default_tags {
    tags = { purpose = "interruptions" }
  }

  ignore_tags {
    key_prefixes = ["async-endpoint:"]
  }
}

variable "concurrency" {
  type = number
}

variable "given" {
  type = object({ bucket = string, error_topic = string, model = string, role = string, success_topic = string })
}

module "endpoint_config" {
  source = "../../modules/endpoint-config"

  name = "sleeper"

  inference = {
    async = {
      failure_uri                = "s3://${var.given.bucket}/failure/"
      max_concurrent_invocations = var.concurrency
      output_uri                 = "s3://${var.given.bucket}/output/"
      topic_arns                 = { error = var.given.error_topic, success = var.given.success_topic }
    }
  }

  variants = { primary = { instance_type = "ml.m5.large", model_name = var.given.model } }
}

module "endpoint" {
  source = "../../modules/endpoint"

  name            = "sleeper"
  endpoint_config = module.endpoint_config

  scaling = {
    primary = { max_instances = 2, min_instances = 0, target_backlog_per_instance = 5 }
  }
}

output "async_endpoints" {
  value = {
    sleeper = {
      schema_version = 1
      environment    = "sleeper"
      region         = "eu-west-1"
      account_id     = "123456789012"

      endpoint = {
        arn                                     = module.endpoint.arn
        config_name                             = module.endpoint_config.name
        execution_role_arn                      = var.given.role
        instance_type                           = module.endpoint_config.variants.primary.instance_type
        max_concurrent_invocations_per_instance = module.endpoint_config.variants.primary.concurrency
        model_name                              = var.given.model
        name                                    = module.endpoint.name
        variant_name                            = "primary"
      }

      limits = { cold_start_seconds = 600, invocation_timeout_seconds = 900, request_ttl_seconds = 21600 }

      notifications = {
        dead_letter_queue_url = ""
        error_topic_arn       = var.given.error_topic
        results_queue_arn     = ""
        results_queue_url     = ""
        success_topic_arn     = var.given.success_topic
      }

      scaling = {
        max_instances               = 2
        min_instances               = 0
        resource_id                 = module.endpoint.scaling.primary.resource_id
        schedules                   = []
        target_backlog_per_instance = 5
        tracking_policy_name        = module.endpoint.scaling.primary.policy_names.backlog_per_instance
        wake_alarm_name             = module.endpoint.scaling.primary.wake.alarm_name
        wake_policy_name            = module.endpoint.scaling.primary.wake.policy_name
      }

      storage = {
        bucket      = var.given.bucket
        failure_uri = "s3://${var.given.bucket}/failure/"
        input_uri   = "s3://${var.given.bucket}/input/"
        kms_key_arn = null
        output_uri  = "s3://${var.given.bucket}/output/"
      }
    }
  }

  depends_on = [module.endpoint_config, module.endpoint]
}
