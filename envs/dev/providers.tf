provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, {
      deployment  = "${var.name}-${var.environment}" # whose a resource is, should the state not have it
      environment = var.environment
      managed-by  = "terraform"
    })
  }

  # The record of a suspended scaling (scripts/async_endpoint/deploy/quiesce.py) is the driver's to remove.
  ignore_tags {
    key_prefixes = ["async-endpoint:"]
  }
}
