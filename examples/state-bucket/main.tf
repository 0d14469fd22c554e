# Once per account, before anything else is deployed.
module "state" {
  source = "../../modules/state-backend"

  bucket       = var.bucket
  environments = var.environments
}
