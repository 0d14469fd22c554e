# The endpoint of tests/trials/record_permissions.py: every setting that changes what its deployer calls.
locals {
  project     = "shop"
  environment = "dev"
}

module "recommender" {
  source = "../../modules/async-inference"

  name        = "recommender"
  environment = local.environment

  access = {
    managed_policies = ["api", "api_admin", "caller", "collector", "deployer", "destroyer", "planner", "verifier", "watcher"]

    github = {
      deployer = { subjects = ["repo:shop/models:environment:dev"] }
      planner  = { subjects = ["repo:shop/models:pull_request", "repo:shop/models:ref:refs/heads/main"] }
    }
  }

  http_api = {}

  model = {
    role = { create_boundary = true }

    containers = [{
      archive = { path = "../../build/fashion-recommender.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
      serving = { timeout_seconds = 300 }
    }]
  }

  endpoint = {
    instance_type              = "ml.m5.large"
    initial_instances          = 2
    max_concurrent_invocations = 2
  }

  logs = {
    kms_key_arn    = "LOGS_KEY"
    retention_days = 7
  }

  guardrails = {
    rollback_on = ["server_errors"]
  }

  notifications = {
    subscriptions = {
      function = { protocol = "lambda", endpoint = "arn:aws:lambda:eu-west-1:123456789012:function:notify" }
      queue    = { protocol = "sqs", endpoint = "arn:aws:sqs:eu-west-1:123456789012:elsewhere", filter_policy = jsonencode({ invocationStatus = ["Failed"] }) }
    }
  }

  scaling = {
    min_instances = 0
    max_instances = 2
    schedules     = { morning = { min_instances = 1, max_instances = 2, schedule = "cron(0 7 ? * MON-FRI *)" } }
  }

  storage = {
    expire_after_days        = { failure = 7, input = 3, noncurrent = 1, output = 7 }
    force_destroy            = true
    key_deletion_window_days = 7
  }
}
