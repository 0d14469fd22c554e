environment = "local"
name        = "fashion-recommender"

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

storage = {
  force_destroy            = true
  key_deletion_window_days = 7
}
