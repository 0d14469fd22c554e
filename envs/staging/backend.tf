# The bucket belongs to whoever applies: name it in state.s3.tfbackend beside this file (bucket, region), which git ignores.
# async-endpoint passes that file on; plain Terraform takes it as: terraform init -backend-config=state.s3.tfbackend
terraform {
  backend "s3" {
    key          = "async-endpoint/staging/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}
