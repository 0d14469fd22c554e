locals {
  name      = "shared-configuration"
  consumers = toset(["fitting-room", "search", "warehouse"])
}

module "storage" {
  source = "../../modules/storage"

  name          = local.name
  force_destroy = true
}

# The producer: a model and an endpoint configuration. Only the permission to write logs names the consumers' endpoints.
module "model" {
  source = "../../modules/model"

  name           = local.name
  endpoint_names = local.consumers

  storage = {
    bucket_arn  = module.storage.bucket_arn
    bucket_name = module.storage.bucket_name
    kms_key_arn = module.storage.kms_key_arn
    prefixes    = { model = module.storage.prefixes.model }
  }

  containers = [{
    archive = { path = "../../build/shared-configuration.tar.gz" }
    image   = { framework = "pytorch", version = "2.6.0" }
  }]
}

module "configuration" {
  source = "../../modules/endpoint-config"

  name      = local.name
  inference = { real_time = {} }
  variants  = { primary = { model_name = module.model.name, instance_type = "ml.m5.large" } }
}

# The consumers: each creates an endpoint with its own scaling from the shared configuration.
module "endpoint" {
  source   = "../../modules/endpoint"
  for_each = local.consumers

  name          = each.key
  configuration = module.configuration

  scaling = {
    primary = { min_capacity = 1, max_capacity = 2, targets = { invocations_per_instance = 60 } }
  }
}
