environment = "staging"
name        = "fashion-recommender"

model = {
  archive = { path = "../../build/fashion-recommender.tar.gz" }
  serving = { timeout_seconds = 600 }
}

endpoint = {
  instance_type              = "ml.m5.xlarge"
  max_concurrent_invocations = 4
}

scaling = {
  min_instances = 0
  max_instances = 2
}
