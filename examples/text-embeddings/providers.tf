provider "aws" {
  region = "eu-west-1"

  default_tags {
    tags = { deployment = "shop-texts", environment = local.environment, managed-by = "terraform" }
  }

  # scripts/async_endpoint/deploy/quiesce.py records a suspended scaling in such a tag, and removes it.
  ignore_tags {
    key_prefixes = ["async-endpoint:"]
  }
}
