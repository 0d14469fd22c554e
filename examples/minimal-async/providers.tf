provider "aws" {
  region = "eu-west-1"

  default_tags {
    tags = { deployment = "minimal-async-example", example = "minimal-async" }
  }
}
