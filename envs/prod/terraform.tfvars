environment = "prod"
name        = "fashion-recommender"

access = {
  managed_policies = ["caller", "collector", "deployer"]
}

model = {
  containers = [{
    archive = { path = "../../build/fashion-recommender.tar.gz" }
    image   = { framework = "pytorch", version = "2.6.0" }
    serving = { timeout_seconds = 900, threads = 4 }
  }]
}

endpoint = {
  instance_type              = "ml.g5.xlarge"
  log_retention_days         = 90
  max_concurrent_invocations = 8
  startup_timeout_seconds    = 900
}

notifications = {
  retention_days = 14
}

scaling = {
  min_instances = 0
  max_instances = 8
}

storage = {
  expire_after_days = { failure = 90, input = 30, noncurrent = 30, output = 90 }
}
