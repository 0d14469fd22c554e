# Every kind of resource whose creation can be lost, without what the provider waits long for: queues and lifecycle rules.
terraform {
  required_version = ">= 1.11"

  backend "local" {}

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = "eu-west-1"

  default_tags {
    tags = var.tags
  }
}

variable "tags" {
  type    = map(string)
  default = { deployment = "lost-local", managed-by = "terraform" }
}

data "aws_caller_identity" "current" {}

locals {
  name = "lost-local"
  storage = {
    bucket_arn  = aws_s3_bucket.this.arn
    bucket_name = aws_s3_bucket.this.bucket
    prefixes    = { failure = "failures/", input = "inputs/", model = "models/", output = "outputs/" }
  }
  topic_arns = { for outcome, topic in aws_sns_topic.this : outcome => topic.arn }
  uris       = { for use, prefix in local.storage.prefixes : use => "s3://${aws_s3_bucket.this.bucket}/${prefix}" }
}

resource "aws_kms_key" "this" {
  description             = "Nothing yet of ${local.name}"
  deletion_window_in_days = 7
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_s3_bucket" "this" {
  bucket        = "${local.name}-${data.aws_caller_identity.current.account_id}"
  force_destroy = true
}

resource "aws_sns_topic" "this" {
  for_each = toset(["error", "success"])

  name = "${local.name}-${each.key}"
}

resource "aws_iam_policy" "caller" {
  name   = "${local.name}-caller"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "${aws_s3_bucket.this.arn}/outputs/*" }] })
}

module "model" {
  source = "../../modules/model"

  name           = local.name
  endpoint_names = [local.name]
  storage        = local.storage
  topic_arns     = local.topic_arns

  containers = [{
    archive = { path = "../../build/lost.tar.gz" }
    image   = { framework = "pytorch", version = "2.6.0" }
  }]
}

module "configuration" {
  source = "../../modules/configuration"

  name     = local.name
  variants = { primary = { instance_type = "ml.m5.large", model_name = module.model.name } }

  inference = {
    async = {
      failure_uri = local.uris.failure
      output_uri  = local.uris.output
      topic_arns  = local.topic_arns
    }
  }
}

module "monitoring" {
  source = "../../modules/monitoring"

  endpoint = { kind = module.configuration.kind, name = local.name, variants = module.configuration.variants }
}

module "endpoint" {
  source = "../../modules/endpoint"

  name          = local.name
  configuration = module.configuration
  scaling       = { primary = { max_capacity = 2, min_capacity = 0, targets = { backlog_per_instance = 5 } } }
}

output "async_endpoint" {
  value = {
    schema_version = 1
    account_id     = data.aws_caller_identity.current.account_id
    environment    = "local"
    region         = "eu-west-1"
    endpoint = {
      arn                                     = module.endpoint.arn
      config_name                             = module.configuration.name
      execution_role_arn                      = module.model.execution_role_arn
      instance_type                           = "ml.m5.large"
      max_concurrent_invocations_per_instance = module.configuration.variants.primary.concurrency
      model_name                              = module.model.name
      name                                    = module.endpoint.name
      variant_name                            = "primary"
    }
    limits     = { cold_start_seconds = 600, invocation_timeout_seconds = 900, request_ttl_seconds = 21600 }
    monitoring = { alarm_names = sort(flatten(values(module.monitoring.alarm_names))), dashboard_name = module.monitoring.dashboard_name }
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
      resource_id                 = module.endpoint.scaling.primary.resource_id
      schedules                   = []
      target_backlog_per_instance = 5
      tracking_policy_name        = module.endpoint.scaling.primary.policy_names.backlog_per_instance
      wake_alarm_name             = module.endpoint.scaling.primary.wake.alarm_name
      wake_policy_name            = module.endpoint.scaling.primary.wake.policy_name
    }
    storage = {
      bucket      = aws_s3_bucket.this.bucket
      failure_uri = local.uris.failure
      input_uri   = local.uris.input
      kms_key_arn = null
      output_uri  = local.uris.output
    }
  }
}
