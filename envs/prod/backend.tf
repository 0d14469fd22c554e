# The bucket belongs to whoever applies; name it once, when initialising:
#   terraform init -backend-config="bucket=<state bucket>" -backend-config="region=<its region>"
terraform {
  backend "s3" {
    key          = "async-endpoint/prod/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
