# An asynchronous endpoint that sleeps when nobody calls: everything that is not said here has its default.
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
