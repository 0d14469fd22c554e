provider "aws" {
  region = "eu-west-1"

  default_tags {
    tags = { deployment = "production-async-example", example = "production-async" }
  }
}
