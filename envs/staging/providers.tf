variable "region" {
  description = "AWS region of everything, and part of the state's key; another one is chosen by TF_VAR_region."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      deployment  = "${local.project}-${local.environment}-${var.region}" # what to clean up by, should the state be lost
      environment = local.environment
      managed-by  = "terraform"
    }
  }

  # scripts/async_endpoint/deploy/quiesce.py records a suspended scaling in such a tag, and removes it.
  ignore_tags {
    key_prefixes = ["async-endpoint:"]
  }
}
