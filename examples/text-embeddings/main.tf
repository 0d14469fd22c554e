# Embeds texts with a model whose requirements are large. The root is written as an environment, so that it can also be copied to envs/.
locals {
  project     = "shop"
  environment = "texts"
}

module "text_embeddings" {
  source = "../../modules/async-inference"

  name        = "text-embeddings"
  environment = local.environment
  storage     = { force_destroy = true }

  model = {
    containers = [{
      archive = { path = "../../build/text-embeddings.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
    }]
  }

  # Each instance installs code/requirements.txt when it starts, before it answers its first ping.
  endpoint = {
    instance_type           = "ml.c5.xlarge"
    startup_timeout_seconds = 3600
  }

  scaling = {
    min_instances = 0
    max_instances = 1
  }
}
