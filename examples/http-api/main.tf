data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  api         = "http-api-example"
  environment = "example"

  # Who alone may send to the delivery queue: the functions, by the names that module http-api gives them, since the queue exists before their
  # roles; and a role of yours that has policy api_admin and redrives dead letters.
  senders = [for role in concat([for function in ["api", "deliver", "sweep"] : "${local.api}-${data.aws_region.current.id}-${function}"], ["operators"]) :
    "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${role}"
  ]
}

module "echo" {
  source = "../../modules/async-inference"

  name        = "echo"
  environment = local.environment
  access      = { managed_policies = ["api_admin"] }
  endpoint    = { instance_type = "ml.m5.large" }
  http_api    = { sender_role_arns = local.senders }
  storage     = { force_destroy = true }

  model = {
    containers = [{
      archive = { path = "../../build/minimal-async.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
    }]
  }
}

# Who is notified by the alarms.
resource "aws_sns_topic" "operators" {
  #checkov:skip=CKV_AWS_26:Alarms cannot publish under AWS's own key, and say nothing of the data.
  name = "${local.api}-operators"
}

module "http_api" {
  source = "../../modules/http-api"

  name            = local.api
  alarm_actions   = [aws_sns_topic.operators.arn]
  async_endpoints = { echo = module.echo.async_endpoint }
  package_path    = "../../build/http-api.zip"

  # A page of another origin may submit, and predictions that would wait for more than ten minutes are refused.
  api        = { cors_origins = ["https://app.example.com"], max_wait_seconds = 600 }
  throttling = { burst = 50, requests_per_second = 20 }
}
