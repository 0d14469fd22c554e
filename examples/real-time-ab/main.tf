locals {
  name = "real-time-ab"

  storage = {
    bucket_arn  = module.storage.bucket_arn
    bucket_name = module.storage.bucket_name
    kms_key_arn = module.storage.kms_key_arn
    prefixes    = { capture = module.storage.prefixes.capture, model = module.storage.prefixes.model }
  }

  # Every request and response is captured here, as JSON lines.
  data_capture = {
    json_content_types = ["application/json"]
    uri                = "s3://${module.storage.bucket_name}/${module.storage.prefixes.capture}"
  }
}

module "storage" {
  source = "../../modules/storage"

  name = local.name

  storage = {
    force_destroy = true
    prefixes      = { capture = "capture/" }
  }
}

# Two versions of one model: the same archive with different environment variables.
module "container" {
  source   = "../../modules/model/container"
  for_each = toset(["champion", "challenger"])

  container = {
    archive     = { path = "../../build/real-time-ab.tar.gz" }
    environment = { VERSION = each.key }
    image       = { framework = "pytorch", version = "2.6.0" }
  }
}

module "model" {
  source   = "../../modules/model"
  for_each = module.container

  name           = "${local.name}-${each.key}"
  containers     = [each.value]
  endpoint_names = [local.name, "${local.name}-trial"]
  storage        = local.storage
}

# The challenger receives one request in four.
module "endpoint_config" {
  source = "../../modules/endpoint-config"

  name       = local.name
  inference  = { real_time = { data_capture = local.data_capture } }
  encryption = { kms_key_arn = module.storage.kms_key_arn }

  variants = {
    champion   = { model_name = module.model["champion"].name, instance_type = "ml.m5.large", weight = 3 }
    challenger = { model_name = module.model["challenger"].name, instance_type = "ml.m5.large", weight = 1 }
  }
}

module "endpoint" {
  source = "../../modules/endpoint"

  name            = local.name
  endpoint_config = module.endpoint_config
}

# The challenger as a shadow variant: it receives a copy of every request, and its responses are discarded.
module "trial_configuration" {
  source = "../../modules/endpoint-config"

  name       = "${local.name}-trial"
  inference  = { real_time = { data_capture = local.data_capture } }
  encryption = { kms_key_arn = module.storage.kms_key_arn }

  variants = {
    champion   = { model_name = module.model["champion"].name, instance_type = "ml.m5.large", routing_strategy = "LEAST_OUTSTANDING_REQUESTS" }
    challenger = { model_name = module.model["challenger"].name, instance_type = "ml.m5.large", shadow = true }
  }
}

module "trial" {
  source = "../../modules/endpoint"

  name            = "${local.name}-trial"
  endpoint_config = module.trial_configuration
}
