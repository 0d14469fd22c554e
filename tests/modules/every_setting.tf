# Every setting of module async-inference, none at its default. test_environments.py applies it as a root, with a mocked provider.
module "async_inference" {
  source = "../../modules/async-inference"

  name        = "shop"
  environment = "wired"
  tags        = { team = "search" }

  access = {
    managed_policies = ["caller"]

    github = {
      provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"

      deployer = {
        policies        = ["collector"]
        policy_arns     = { state = "arn:aws:iam::123456789012:policy/state-wired-deployer" }
        refs            = ["refs/heads/wired"]
        session_seconds = 7200
        subjects        = ["repo:shop/models:environment:wired"]
      }

      planner = {
        policy_arns = { state = "arn:aws:iam::123456789012:policy/state-wired-planner" }
        subjects    = ["repo:shop/models:pull_request"]
      }
    }
  }

  endpoint = {
    core_dump_uri                  = "s3://dumps/core/"
    enable_ssm_access              = true
    inference_ami_version          = "al2-ami-sagemaker-inference-gpu-2"
    initial_instances              = 2
    instance_type                  = "ml.g5.xlarge"
    max_concurrent_invocations     = 3
    model_download_timeout_seconds = 61
    request_ttl_seconds            = 62
    startup_timeout_seconds        = 63
  }

  http_api = {
    max_receives               = 7
    retention_days             = 3
    sender_role_arns           = ["arn:aws:iam::123456789012:role/shop-api"]
    visibility_timeout_seconds = 75
  }

  logs = {
    kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/logs"
    retention_days = 7
  }

  guardrails = {
    canary                   = { instances = 1, wait_seconds = 72 }
    maximum_seconds          = 1201
    rollback_on              = ["invocation_failures", "model_latency"]
    termination_wait_seconds = 71
  }

  monitoring = {
    actions = {
      alarm             = ["arn:aws:sns:eu-west-1:123456789012:alarm"]
      insufficient_data = ["arn:aws:sns:eu-west-1:123456789012:unknown"]
      ok                = ["arn:aws:sns:eu-west-1:123456789012:ok"]
    }
    alarms = {
      backlog = {
        actions             = ["arn:aws:sns:eu-west-1:123456789012:own"]
        datapoints_to_alarm = 2
        evaluation_periods  = 3
        missing_data        = "ignore"
        period_seconds      = 120
        statistic           = "p90"
        threshold           = 73
      }
      cpu = { enabled = false }
    }
    dashboard = false
    extra_alarms = {
      slow_start = { comparison_operator = "GreaterThanThreshold", evaluation_periods = 4, metric = "TimeInBacklog", statistic = "Average", threshold = 74 }
    }
  }

  notifications = {
    include_response_in        = ["SUCCESS_NOTIFICATION_TOPIC"]
    max_receives               = 9
    raw_message_delivery       = true
    retention_days             = 2
    subscriptions              = { on-call = { protocol = "email", endpoint = "on-call@example.com", outcomes = ["error"] } }
    topics                     = { error = { arn = "arn:aws:sns:eu-west-1:123456789012:team-errors", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/team" } }
    visibility_timeout_seconds = 64
  }

  scaling = {
    max_instances              = 4
    min_instances              = 1
    scale_in_cooldown_seconds  = 65
    scale_out_cooldown_seconds = 66
    schedules = {
      day = {
        end_time      = "2031-01-01T00:00:00Z"
        max_instances = 3
        min_instances = 2
        schedule      = "cron(0 7 ? * MON-FRI *)"
        start_time    = "2030-01-01T00:00:00Z"
        timezone      = "Europe/Berlin"
      }
    }
    target_backlog_per_instance = 2.5
    wake_cooldown_seconds       = 67
  }

  storage = {
    access_logs              = { destination = { bucket_name = "team-logs", prefix = "shop/" } }
    expire_after_days        = { failure = 11, input = 12, noncurrent = 13, output = 14, predictions = 15 }
    force_destroy            = true
    key_deletion_window_days = 8
    prefixes                 = { credentials = "secret/", failure = "failed/", input = "in/", model = "models/", output = "out/", predictions = "api/" }
    readers                  = { Analysts = { principal_arns = ["arn:aws:iam::210987654321:root"] } }
  }

  network = { security_group_ids = ["sg-1"], subnet_ids = ["subnet-1", "subnet-2"] }

  model = {
    containers = [{
      archive     = { s3_uri = "s3://models/model.tar.gz", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/foreign" }
      environment = { EMBEDDER = "clip" }
      image       = { repository = { name = "serve", tag = "1", account_id = "210987654321" } }
      serving     = { max_request_bytes = 68, max_response_bytes = 69, program = "serve.py", threads = 5, timeout_seconds = 70, workers = 6 }
    }]
    network_isolation = true
    role              = { path = "/shop/", permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary" }
  }
}

output "async_endpoints" {
  value = { shop = module.async_inference.async_endpoint }
}
