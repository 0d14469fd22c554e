# Endpoints of the environment prod. Settings: modules/async-inference/README.md.
locals {
  project     = "shop"
  environment = "prod"
}

module "recommender" {
  source = "../../modules/async-inference"

  name        = "recommender"
  environment = local.environment

  access = {
    managed_policies = ["caller", "collector", "deployer", "destroyer", "planner", "verifier", "watcher"]
  }

  model = {
    role = { create_boundary = true }

    containers = [{
      archive = { path = "../../build/fashion-recommender.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
      serving = { timeout_seconds = 900, threads = 4 }
    }]
  }

  # On CPU, with the instance type that staging tests: an image takes well below a second there, and the quota of a new account for GPU
  # instances is usually 0. Two instances at first, so that a canary can receive half of the requests.
  endpoint = {
    initial_instances          = 2
    instance_type              = "ml.m5.xlarge"
    max_concurrent_invocations = 4
    startup_timeout_seconds    = 900
  }

  logs = {
    retention_days = 90
  }

  # Not on invocation_failures, which counts the mistakes of callers too: five bad inputs would roll a good update back.
  guardrails = {
    canary      = { instances = 1, wait_seconds = 300 }
    rollback_on = ["model_latency", "server_errors"]
  }

  # Alarms notify no one yet: set actions.alarm to the ARN of your on-call topic.
  monitoring = {
    alarms = { oldest_request_age = { threshold = 1800 } }
  }

  notifications = {
    retention_days = 14
  }

  # An idle endpoint has no instance, and its first request waits for one. Uncommented, one is awake in office hours, 260 hours a month.
  scaling = {
    min_instances = 0
    max_instances = 8

    # schedules = {
    #   evening = { min_instances = 0, max_instances = 4, schedule = "cron(0 19 ? * MON-FRI *)", timezone = "Europe/Dublin" }
    #   morning = { min_instances = 1, max_instances = 8, schedule = "cron(0 7 ? * MON-FRI *)", timezone = "Europe/Dublin" }
    # }
  }

  storage = {
    expire_after_days = { failure = 90, input = 30, noncurrent = 30, output = 90 }
  }
}
