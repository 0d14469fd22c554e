# Every setting a root has, none at its default.

environment = "wired"
name        = "shop"
region      = "us-west-2"

access = {
  deployer         = { destroy = true, permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary" }
  managed_policies = ["caller"]

  github = {
    policies        = ["collector"]
    provider_arn    = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    session_seconds = 7200
    subjects        = ["repo:shop/models:environment:wired"]
  }
}

endpoint = {
  initial_instances              = 2
  instance_type                  = "ml.g5.xlarge"
  log_retention_days             = 7
  max_concurrent_invocations     = 3
  model_download_timeout_seconds = 61
  request_ttl_seconds            = 62
  startup_timeout_seconds        = 63
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
  max_instances               = 4
  min_instances               = 1
  scale_in_cooldown_seconds   = 65
  scale_out_cooldown_seconds  = 66
  target_backlog_per_instance = 2.5
  wake_cooldown_seconds       = 67
}

storage = {
  access_logs              = { destination = { bucket_name = "team-logs", prefix = "shop/" } }
  expire_after_days        = { failure = 11, input = 12, noncurrent = 13, output = 14 }
  force_destroy            = true
  key_deletion_window_days = 8
  prefixes                 = { failure = "failed/", input = "in/", model = "models/", output = "out/" }
  readers                  = { Analysts = { principal_arns = ["arn:aws:iam::210987654321:root"] } }
}

network = { security_group_ids = ["sg-1"], subnet_ids = ["subnet-1", "subnet-2"] }

model = {
  containers = [{
    archive     = { s3_uri = "s3://models/model.tar.gz", kms_key_arn = "arn:aws:kms:us-west-2:123456789012:key/foreign" }
    environment = { EMBEDDER = "clip" }
    image       = { repository = { name = "serve", tag = "1", account_id = "210987654321" } }
    serving     = { max_request_bytes = 68, max_response_bytes = 69, program = "serve.py", threads = 5, timeout_seconds = 70, workers = 6 }
  }]
  network_isolation = true
  role              = { path = "/shop/", permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary" }
}
