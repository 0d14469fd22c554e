locals {
  _serving = [for serving in var.containers[*].serving : {
    MKL_NUM_THREADS                = serving.threads
    MMS_DEFAULT_RESPONSE_TIMEOUT   = serving.timeout_seconds
    MMS_MAX_REQUEST_SIZE           = serving.max_request_bytes
    MMS_MAX_RESPONSE_SIZE          = serving.max_response_bytes
    MODEL_SERVER_TIMEOUT           = serving.timeout_seconds
    MODEL_SERVER_WORKERS           = serving.workers
    OMP_NUM_THREADS                = serving.threads
    SAGEMAKER_MODEL_SERVER_TIMEOUT = serving.timeout_seconds
    SAGEMAKER_MODEL_SERVER_WORKERS = serving.workers
    SAGEMAKER_PROGRAM              = serving.program
    SAGEMAKER_SUBMIT_DIRECTORY     = "/opt/ml/model/code"
    TOKENIZERS_PARALLELISM         = false
    TS_DEFAULT_RESPONSE_TIMEOUT    = serving.timeout_seconds
    TS_DEFAULT_WORKERS_PER_MODEL   = serving.workers
    TS_MAX_REQUEST_SIZE            = serving.max_request_bytes
    TS_MAX_RESPONSE_SIZE           = serving.max_response_bytes
  }]

  # Each serving stack reads variables of its own (toolkit, TorchServe, Multi Model Server); what it does not know it ignores.
  # A model package brings an environment of its own, to which only what is given is added.
  environments = [
    for place, container in var.containers : merge(
      container.model_package == null ? { for key, value in local._serving[place] : key => tostring(value) } : {},
      container.environment,
    )
  ]

  # Bytes of names and values, which a model has 32 KB for, however many containers share them (API reference, ContainerDefinition).
  _environment_bytes = sum([for environment in local.environments : length(join("", concat(keys(environment), values(environment))))])
}
