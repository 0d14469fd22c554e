# Endpoints of the environment staging. Settings: modules/async-inference/README.md.
locals {
  project     = "shop"
  environment = "staging"
}

module "recommender" {
  source = "../../modules/async-inference"

  name        = "recommender"
  environment = local.environment

  model = {
    containers = [{
      archive = { path = "../../build/fashion-recommender.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
      serving = { timeout_seconds = 600 }
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
