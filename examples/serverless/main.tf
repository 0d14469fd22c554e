locals {
  name = "serverless"
}

module "storage" {
  source = "../../modules/storage"

  name          = local.name
  force_destroy = true
}

module "model" {
  source = "../../modules/model"

  name           = local.name
  endpoint_names = [local.name]

  storage = {
    bucket_arn  = module.storage.bucket_arn
    bucket_name = module.storage.bucket_name
    kms_key_arn = module.storage.kms_key_arn
    prefixes    = { model = module.storage.prefixes.model }
  }

  containers = [{
    archive = { path = "../../build/serverless.tar.gz" }
    image   = { framework = "pytorch", version = "2.6.0" }
  }]
}

# No instance type: memory size, maximum concurrency, and provisioned concurrency (warm containers).
module "configuration" {
  source = "../../modules/endpoint-config"

  name      = local.name
  inference = { serverless = { max_concurrency = 5, memory_mb = 2048, provisioned_concurrency = 1 } }
  variants  = { primary = { model_name = module.model.name } }
}

module "endpoint" {
  source = "../../modules/endpoint"

  name          = local.name
  configuration = module.configuration

  scaling = {
    primary = { min_capacity = 1, max_capacity = 3, targets = { provisioned_concurrency_utilization = 0.7 } }
  }
}
