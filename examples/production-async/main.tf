# Private subnets without internet access: containers reach Amazon S3 only.
module "network" {
  source = "../../modules/network"

  name = "production-async-example"
}

# Operators who are notified by the alarms.
resource "aws_sns_topic" "operators" {
  #checkov:skip=CKV_AWS_26:Alarms cannot publish under AWS's own key, and say nothing of the data.
  name = "production-async-example-operators"
}

module "async_inference" {
  source = "../../modules/async-inference"

  name        = "production-async"
  environment = "example"
  access      = { managed_policies = ["caller", "collector", "watcher"] }
  network     = module.network
  storage     = { force_destroy = true, expire_after_days = { failure = 14, input = 7, noncurrent = 7, output = 14, predictions = 14 } }
  http_api    = {}

  model = {
    network_isolation = true

    containers = [{
      archive = { path = "../../build/production-async.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
      serving = { timeout_seconds = 900, workers = 2 }
    }]
  }

  endpoint = {
    initial_instances          = 2
    instance_type              = "ml.m5.large"
    max_concurrent_invocations = 2
    volume_size_gb             = 50
  }

  logs = { retention_days = 90 }

  # Half of the new instances first; an alarm rolls the update back.
  guardrails = {
    canary                   = { percent = 50, wait_seconds = 300 }
    rollback_on              = ["server_errors"]
    termination_wait_seconds = 60
  }

  # All alarms, and a dashboard.
  monitoring = {
    actions = { alarm = [aws_sns_topic.operators.arn], ok = [aws_sns_topic.operators.arn] }
  }

  # Zero instances when idle, at least one in working hours.
  scaling = {
    max_instances = 4

    schedules = {
      morning = { schedule = "cron(0 7 ? * MON-FRI *)", timezone = "Europe/Berlin", min_instances = 1, max_instances = 4 }
      evening = { schedule = "cron(0 19 ? * MON-FRI *)", timezone = "Europe/Berlin", min_instances = 0, max_instances = 4 }
    }
  }
}
