# A root whose apply takes seconds: no queue and no lifecycle rules, for which the provider waits most of a minute.
# Tests apply it as environment local; async_endpoints is what a root of module async-inference says.
terraform {
  required_version = ">= 1.11"

  backend "local" {}

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
    tags = var.tags
  }
}

variable "alarm_names" {
  type    = map(list(string))
  default = {}
}

variable "archive" {
  type = string
}

variable "endpoint_names" {
  type    = set(string)
  default = ["minimal-local"]
}

variable "environment_variables" {
  type    = map(string)
  default = {}
}

variable "guardrails" {
  type    = any
  default = {}
}

variable "image" {
  type    = any
  default = { framework = "pytorch", version = "2.6.0" }
}

variable "instance_type" {
  type    = string
  default = "ml.m5.large"
}

variable "max_concurrent_invocations" {
  type    = number
  default = 4
}

variable "startup_timeout_seconds" {
  type    = number
  default = 60
}

variable "tags" {
  type    = map(string)
  default = {}
}

data "aws_caller_identity" "current" {}

locals {
  name = "minimal-local"
  storage = {
    bucket_arn  = aws_s3_bucket.this.arn
    bucket_name = aws_s3_bucket.this.bucket
    prefixes    = { failure = "failures/", input = "inputs/", model = "models/", output = "outputs/" }
  }
  topic_arns = { for outcome, topic in aws_sns_topic.this : outcome => topic.arn }
  uris       = { for use, prefix in local.storage.prefixes : use => "s3://${aws_s3_bucket.this.bucket}/${prefix}" }
}

resource "aws_s3_bucket" "this" {
  bucket        = "${local.name}-${data.aws_caller_identity.current.account_id}"
  force_destroy = true
}

resource "aws_sns_topic" "this" {
  for_each = toset(["error", "success"])

  name = "${local.name}-${each.key}"
}

module "container" {
  source = "../../modules/model/container"

  container = {
    archive     = { path = var.archive }
    environment = var.environment_variables
    image       = var.image
  }
}

module "model" {
  source = "../../modules/model"

  name                 = local.name
  containers           = [module.container]
  endpoint_names       = length(var.endpoint_names) > 0 ? var.endpoint_names : [local.name]
  rollback_alarm_names = flatten(values(var.alarm_names))
  storage              = local.storage
  topic_arns           = local.topic_arns
}

module "endpoint_config" {
  source = "../../modules/endpoint-config"

  name = local.name

  inference = {
    async = {
      failure_uri                = local.uris.failure
      max_concurrent_invocations = var.max_concurrent_invocations
      output_uri                 = local.uris.output
      topic_arns                 = local.topic_arns
    }
  }

  variants = {
    primary = {
      instance_type           = var.instance_type
      model_name              = module.model.name
      startup_timeout_seconds = var.startup_timeout_seconds
    }
  }
}

module "endpoint" {
  source   = "../../modules/endpoint"
  for_each = var.endpoint_names

  name            = each.key
  endpoint_config = module.endpoint_config
  alarm_names     = var.alarm_names
  guardrails      = merge({ termination_wait_seconds = 0 }, var.guardrails)
  scaling         = { primary = { max_instances = 2, min_instances = 0, target_backlog_per_instance = 5 } }
}

output "async_endpoints" {
  value = try({
    (local.name) = {
      schema_version = 1
      account_id     = data.aws_caller_identity.current.account_id
      environment    = "local"
      region         = "eu-west-1"
      endpoint = {
        arn                                     = module.endpoint[local.name].arn
        config_name                             = module.endpoint_config.name
        execution_role_arn                      = module.model.execution_role_arn
        instance_type                           = var.instance_type
        max_concurrent_invocations_per_instance = var.max_concurrent_invocations
        model_name                              = module.model.name
        name                                    = module.endpoint[local.name].name
        variant_name                            = "primary"
      }
      limits = { cold_start_seconds = var.startup_timeout_seconds, invocation_timeout_seconds = 900, request_ttl_seconds = 21600 }
      notifications = {
        dead_letter_queue_url = ""
        error_topic_arn       = local.topic_arns.error
        results_queue_arn     = ""
        results_queue_url     = ""
        success_topic_arn     = local.topic_arns.success
      }
      scaling = {
        max_instances               = 2
        min_instances               = 0
        resource_id                 = module.endpoint[local.name].scaling.primary.resource_id
        target_backlog_per_instance = 5
        tracking_policy_name        = module.endpoint[local.name].scaling.primary.policy_names.backlog_per_instance
        wake_alarm_name             = module.endpoint[local.name].scaling.primary.wake.alarm_name
        wake_policy_name            = module.endpoint[local.name].scaling.primary.wake.policy_name
      }
      storage = {
        bucket      = aws_s3_bucket.this.bucket
        failure_uri = local.uris.failure
        input_uri   = local.uris.input
        kms_key_arn = null
        output_uri  = local.uris.output
      }
    }
  }, {})
}
