# Endpoints of the environment local, which is always applied to the local AWS. Settings: modules/async-inference/README.md.
locals {
  project     = "shop"
  environment = "local"
}

module "storage" {
  source = "../../modules/storage"

  name           = "${local.project}-${local.environment}"
  endpoint_names = ["*-${local.environment}"]

  storage = {
    expire_after_days        = {} # the AWS provider waits 55 s for lifecycle rules
    force_destroy            = true
    key_deletion_window_days = 7
  }
}

module "recommender" {
  source = "../../modules/async-inference"

  name        = "recommender"
  environment = local.environment
  storage     = { shared = module.storage.shared }
  http_api    = {}

  model = {
    containers = [{
      archive = { path = "../../build/fashion-recommender.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
    }]
  }

  endpoint = {
    instance_type              = "ml.m5.xlarge"
    max_concurrent_invocations = 4
  }

  scaling = {
    min_instances = 0
    max_instances = 2
  }
}

module "language_detector" {
  source = "../../modules/async-inference"

  name        = "language-detector"
  environment = local.environment
  storage     = { shared = module.storage.shared }
  http_api    = {}

  model = {
    containers = [{
      archive = { path = "../../build/language-detector.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
    }]
  }

  endpoint = {
    instance_type = "ml.m5.large"
  }

  scaling = {
    min_instances = 0
    max_instances = 1
  }
}
