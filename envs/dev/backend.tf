# Name your bucket and its region in state.s3.tfbackend beside this file (git ignores it). Each region has a state of its own, so
# async-endpoint passes the key with that file to terraform init -backend-config: async-endpoint/dev/<region>/terraform.tfstate.
# No `encrypt`: it would request AES256 in place of the bucket's own key.
terraform {
  backend "s3" {
    use_lockfile = true
  }
}
