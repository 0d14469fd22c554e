locals {
  name = "serverless"
}

module "storage" {
  source = "../../modules/storage"

  name    = local.name
  storage = { force_destroy = true }
}

module "container" {
  source = "../../modules/model/container"

  container = {
    archive = { path = "../../build/serverless.tar.gz" }
    image   = { framework = "pytorch", version = "2.6.0" }
  }
}

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

# No instance type: memory size, maximum concurrency, and provisioned concurrency (warm containers).
module "endpoint_config" {
  source = "../../modules/endpoint-config"

  name      = local.name
  inference = { serverless = { max_concurrency = 5, memory_mb = 2048, provisioned_concurrency = 1 } }
  variants  = { primary = { model_name = module.model.name } }
}

module "endpoint" {
  source = "../../modules/endpoint"

  name            = local.name
  endpoint_config = module.endpoint_config

  scaling = {
    primary = { min_instances = 1, max_instances = 3, target_provisioned_concurrency_utilization = 0.7 }
  }
}
