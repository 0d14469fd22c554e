locals {
  name   = "pipeline"
  stages = ["clean", "count"]
}

module "storage" {
  source = "../../modules/storage"

  name          = local.name
  force_destroy = true
}

# One archive for both stages; serving.program selects one.
module "model" {
  source   = "../../modules/model"
  for_each = toset(["serial", "direct"])

  name           = "${local.name}-${each.key}"
  endpoint_names = ["${local.name}-${each.key}"]
  invocation     = each.key

  storage = {
    bucket_arn  = module.storage.bucket_arn
    bucket_name = module.storage.bucket_name
    kms_key_arn = module.storage.kms_key_arn
    prefixes    = { model = module.storage.prefixes.model }
  }

  containers = [
    for stage in local.stages : {
      archive  = { path = "../../build/pipeline.tar.gz" }
      hostname = stage
      image    = { framework = "pytorch", version = "2.6.0" }
      serving  = { program = "${stage}.py" }
    }
  ]
}

module "configuration" {
  source   = "../../modules/endpoint-config"
  for_each = module.model

  name      = "${local.name}-${each.key}"
  inference = { real_time = {} }
  variants  = { primary = { model_name = each.value.name, instance_type = "ml.m5.large" } }
}

module "endpoint" {
  source   = "../../modules/endpoint"
  for_each = module.configuration

  name          = "${local.name}-${each.key}"
  configuration = each.value
}
