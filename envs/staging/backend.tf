# Name your bucket and its region in state.s3.tfbackend beside this file (git ignores it); async-endpoint passes it to
# terraform init -backend-config. No `encrypt`: it would request AES256 in place of the bucket's own key.
terraform {
  backend "s3" {
    key          = "async-endpoint/staging/terraform.tfstate"
    use_lockfile = true
  }
}
