locals {
  name      = "shared-configuration"
  consumers = toset(["fitting-room", "search", "warehouse"])
}

module "storage" {
  source = "../../modules/storage"

  name    = local.name
  storage = { force_destroy = true }
}

module "container" {
  source = "../../modules/model/container"

  container = {
    archive = { path = "../../build/shared-configuration.tar.gz" }
    image   = { framework = "pytorch", version = "2.6.0" }
  }
}

# The producer: a model and an endpoint configuration. Only the permission to write logs names the consumers' endpoints.
module "model" {
  source = "../../modules/model"

  name           = local.name
  containers     = [module.container]
  endpoint_names = local.consumers

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

# The consumers: each creates an endpoint with its own scaling from the shared configuration.
module "endpoint" {
  source   = "../../modules/endpoint"
  for_each = local.consumers

  name            = each.key
  endpoint_config = module.endpoint_config

  scaling = {
    primary = { min_instances = 1, max_instances = 2, target_invocations_per_instance = 60 }
  }
}
