locals {
  # Python of each PyTorch release (github.com/aws/deep-learning-containers, available_images.md).
  _pytorch_pythons = {
    "2.1" = "py310"
    "2.2" = "py310"
    "2.3" = "py311"
    "2.4" = "py311"
    "2.5" = "py311"
    "2.6" = "py312"
  }
  _pytorch_python = try(coalesce(var.image.python, lookup(local._pytorch_pythons, regex("^[0-9]+\\.[0-9]+", var.image.version), null)), null)

  _image_tags = {
    pytorch    = join("-", compact([var.image.version, var.image.processor, local._pytorch_python]))
    tensorflow = join("-", compact([var.image.version, var.image.processor]))
  }

  _serving = {
    MKL_NUM_THREADS                = var.serving.threads
    MMS_DEFAULT_RESPONSE_TIMEOUT   = var.serving.timeout_seconds
    MMS_MAX_REQUEST_SIZE           = var.serving.max_request_bytes
    MMS_MAX_RESPONSE_SIZE          = var.serving.max_response_bytes
    MODEL_SERVER_TIMEOUT           = var.serving.timeout_seconds
    MODEL_SERVER_WORKERS           = var.serving.workers
    OMP_NUM_THREADS                = var.serving.threads
    SAGEMAKER_MODEL_SERVER_TIMEOUT = var.serving.timeout_seconds
    SAGEMAKER_MODEL_SERVER_WORKERS = var.serving.workers
    SAGEMAKER_PROGRAM              = var.serving.program
    SAGEMAKER_SUBMIT_DIRECTORY     = "/opt/ml/model/code"
    TOKENIZERS_PARALLELISM         = false
    TS_DEFAULT_RESPONSE_TIMEOUT    = var.serving.timeout_seconds
    TS_DEFAULT_WORKERS_PER_MODEL   = var.serving.workers
    TS_MAX_REQUEST_SIZE            = var.serving.max_request_bytes
    TS_MAX_RESPONSE_SIZE           = var.serving.max_response_bytes
  }

  # Each serving stack reads variables of its own (toolkit, TorchServe, Multi Model Server); what it does not know it ignores.
  environment = merge({ for key, value in local._serving : key => tostring(value) }, var.environment)

  image_uri = var.image.uri == null ? data.aws_sagemaker_prebuilt_ecr_image.this[0].registry_path : var.image.uri
}

data "aws_sagemaker_prebuilt_ecr_image" "this" {
  count = var.image.uri == null ? 1 : 0

  repository_name = "${var.image.framework}-inference"
  image_tag       = local._image_tags[var.image.framework]

  lifecycle {
    precondition {
      condition     = var.image.framework != "pytorch" || local._pytorch_python != null
      error_message = "The Python of PyTorch ${var.image.version} is not known here; give image.python, such as py312."
    }
  }
}
