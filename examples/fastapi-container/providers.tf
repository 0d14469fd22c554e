provider "aws" {
  region = "eu-west-1"

  default_tags {
    tags = { deployment = "fastapi-container-example", example = "fastapi-container" }
  }
}
