# The bucket belongs to whoever applies: name it in state.s3.tfbackend beside this file (bucket, region), which git ignores.
# async-endpoint passes that file on; plain Terraform takes it as: terraform init -backend-config=state.s3.tfbackend
# Without `encrypt`: that asks S3 for AES256, past the key by which the bucket encrypts what is put into it without a word.
terraform {
  backend "s3" {
    key          = "async-endpoint/staging/terraform.tfstate"
    use_lockfile = true
  }
}
