locals {
  name   = "pipeline"
  stages = ["clean", "count"]
}

module "storage" {
  source = "../../modules/storage"

  name    = local.name
  storage = { force_destroy = true }
}

# One archive for both stages; serving.program selects one.
module "container" {
  source = "../../modules/model/container"
  count  = length(local.stages)

  path = "stages[${count.index}]"

  container = {
    archive  = { path = "../../build/pipeline.tar.gz" }
    hostname = local.stages[count.index]
    image    = { framework = "pytorch", version = "2.6.0" }
    serving  = { program = "${local.stages[count.index]}.py" }
  }
}

module "model" {
  source   = "../../modules/model"
  for_each = toset(["serial", "direct"])

  name           = "${local.name}-${each.key}"
  endpoint_names = ["${local.name}-${each.key}"]
  containers     = module.container
  model          = { invocation = each.key }

  storage = {
    bucket_arn  = module.storage.bucket_arn
    bucket_name = module.storage.bucket_name
    kms_key_arn = module.storage.kms_key_arn
    prefixes    = { model = module.storage.prefixes.model }
  }
}

module "endpoint_config" {
  source   = "../../modules/endpoint-config"
  for_each = module.model

  name      = "${local.name}-${each.key}"
  inference = { real_time = {} }
  variants  = { primary = { model_name = each.value.name, instance_type = "ml.m5.large" } }
}

module "endpoint" {
  source   = "../../modules/endpoint"
  for_each = module.endpoint_config

  name            = "${local.name}-${each.key}"
  endpoint_config = each.value
}
