# Once per account, before anything else is deployed.
module "state" {
  source = "../../modules/state-backend"

  key_prefixes = ["async-endpoint/dev/", "async-endpoint/prod/", "async-endpoint/staging/"]
}
