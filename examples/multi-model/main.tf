locals {
  name = "multi-model"

  # The values of TargetModel, and the archive of each.
  models = {
    "blue.tar.gz" = "../../build/multi-model-blue.tar.gz"
    "red.tar.gz"  = "../../build/multi-model-red.tar.gz"
  }
}

module "storage" {
  source = "../../modules/storage"

  name    = local.name
  storage = { force_destroy = true }
}

resource "aws_s3_object" "model" {
  for_each = local.models

  bucket      = module.storage.bucket_name
  key         = "${module.storage.prefixes.model}${each.key}"
  source      = each.value
  source_hash = filemd5(each.value)
}

module "container" {
  source = "../../modules/model/container"

  container = {
    image       = { framework = "pytorch", version = "2.6.0" }
    multi_model = {}
  }
}

# One container for all models below the prefix: each is loaded on its first request.
module "model" {
  source = "../../modules/model"

  name           = local.name
  containers     = [module.container]
  endpoint_names = [local.name]

  storage = {
    bucket_arn  = module.storage.bucket_arn
    bucket_name = module.storage.bucket_name
    kms_key_arn = module.storage.kms_key_arn
    prefixes    = { model = module.storage.prefixes.model }
  }
}

module "endpoint_config" {
  source = "../../modules/endpoint-config"

  name      = local.name
  inference = { real_time = {} }
  variants  = { primary = { model_name = module.model.name, instance_type = "ml.m5.large" } }
}

module "endpoint" {
  source = "../../modules/endpoint"

  name            = local.name
  endpoint_config = module.endpoint_config
}
