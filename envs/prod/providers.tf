provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, {
      deployment  = "${var.name}-${var.environment}" # whose a resource is, should the state not have it
      environment = var.environment
      managed-by  = "terraform"
    })
  }
}
