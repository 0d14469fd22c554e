# Endpoints of the environment dev. Settings: modules/async-inference/README.md.
locals {
  project     = "shop"
  environment = "dev"
}

module "recommender" {
  source = "../../modules/async-inference"

  name        = "recommender"
  environment = local.environment

  model = {
    containers = [{
      archive = { path = "../../build/fashion-recommender.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
    }]
  }

  endpoint = {
    instance_type              = "ml.m5.large"
    max_concurrent_invocations = 2
  }

  logs = {
    retention_days = 7
  }

  monitoring = {
    dashboard = false
  }

  scaling = {
    min_instances = 0
    max_instances = 1
  }

  storage = {
    expire_after_days        = { failure = 7, input = 3, noncurrent = 1, output = 7 }
    force_destroy            = true
    key_deletion_window_days = 7
  }
}
