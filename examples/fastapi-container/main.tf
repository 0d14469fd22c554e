# A custom image behind an asynchronous endpoint: a model server of FastAPI in a repository of Amazon ECR, without a model archive.
module "async_inference" {
  source = "../../modules/async-inference"

  name        = "fastapi"
  environment = "example"
  storage     = { force_destroy = true }
  http_api    = {}

  model = {
    containers = [{
      image       = { repository = { name = "fastapi-container", tag = "1" } }
      environment = { INFERENCE_SECONDS = "5" }
    }]
  }

  endpoint = {
    initial_instances          = 2
    instance_type              = "ml.m5.large"
    max_concurrent_invocations = 1
  }

  scaling = {
    min_instances = 0
    max_instances = 2
  }
}
