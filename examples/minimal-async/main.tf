# An asynchronous endpoint that scales to zero when idle; all other settings have their defaults.
module "async_inference" {
  source = "../../modules/async-inference"

  name        = "minimal-async"
  environment = "example"
  storage     = { force_destroy = true }

  model = {
    containers = [{
      archive = { path = "../../build/minimal-async.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
    }]
  }
}
