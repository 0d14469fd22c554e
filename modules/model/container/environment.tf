locals {
  # Each serving stack reads names of its own (SageMaker toolkit, TorchServe, Multi Model Server) and ignores the others.
  _serving = {
    MKL_NUM_THREADS                = var.container.serving.threads
    MMS_DEFAULT_RESPONSE_TIMEOUT   = var.container.serving.timeout_seconds
    MMS_MAX_REQUEST_SIZE           = var.container.serving.max_request_bytes
    MMS_MAX_RESPONSE_SIZE          = var.container.serving.max_response_bytes
    MODEL_SERVER_TIMEOUT           = var.container.serving.timeout_seconds
    MODEL_SERVER_WORKERS           = var.container.serving.workers
    OMP_NUM_THREADS                = var.container.serving.threads
    SAGEMAKER_MODEL_SERVER_TIMEOUT = var.container.serving.timeout_seconds
    SAGEMAKER_MODEL_SERVER_WORKERS = var.container.serving.workers
    SAGEMAKER_PROGRAM              = var.container.serving.program
    SAGEMAKER_SUBMIT_DIRECTORY     = "/opt/ml/model/code"
    TOKENIZERS_PARALLELISM         = false
    TS_DEFAULT_RESPONSE_TIMEOUT    = var.container.serving.timeout_seconds
    TS_DEFAULT_WORKERS_PER_MODEL   = var.container.serving.workers
    TS_MAX_REQUEST_SIZE            = var.container.serving.max_request_bytes
    TS_MAX_RESPONSE_SIZE           = var.container.serving.max_response_bytes
  }

  # A model package has an environment of its own, to which only var.container.environment is added; so has a container that an endpoint
  # of another origin serves with.
  environment = merge(
    var.container.model_package == null && var.container.serving.exported ? { for name, value in local._serving : name => tostring(value) } : {},
    var.container.environment,
  )
}
