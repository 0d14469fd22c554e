# Reads the text of scanned documents. The root is written as an environment, so that it can also be copied to envs/ (README.md).
locals {
  project     = "shop"
  environment = "documents"
}

module "document_reader" {
  source = "../../modules/async-inference"

  name        = "document-reader"
  environment = local.environment
  storage     = { force_destroy = true }

  model = {
    containers = [{
      archive = { path = "../../build/document-reader.tar.gz" }
      image   = { framework = "pytorch", version = "2.6.0" }
      serving = { threads = 2, timeout_seconds = 900, workers = 2 } # a page takes a second or two, a document has many
    }]
  }

  endpoint = {
    instance_type              = "ml.c5.xlarge"
    max_concurrent_invocations = 2
    startup_timeout_seconds    = 1200 # code/requirements.txt is 300 MB, installed with each instance's start
  }

  scaling = {
    min_instances               = 0
    max_instances               = 2
    target_backlog_per_instance = 20
  }
}
