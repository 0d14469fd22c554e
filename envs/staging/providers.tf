provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, {
      environment = var.environment
      managed-by  = "terraform"
    })
  }

  # The record of a suspended scaling (scripts/async_endpoint/deploy/quiesce.py) is the driver's to remove.
  ignore_tags {
    key_prefixes = ["async-endpoint:"]
  }
}
