variable "encryption" {
  description = <<-TEXT
    Encryption at rest of results, captured data, core dumps and, where the instance type allows it, instance volumes.
    - `encrypt_results`: Whether the key encrypts results, captured data and core dumps too; if not, they are encrypted as their bucket says by itself.
    - `kms_key_arn`: ARN of the KMS key; AWS's own keys encrypt when it is null.
  TEXT
  type = object({
    encrypt_results = optional(bool, true)
    kms_key_arn     = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.encryption.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.encryption.kms_key_arn))
    error_message = "Field encryption.kms_key_arn must be the full ARN of a key (arn:aws:kms:region:account:key/id): an alias or a key id does not identify its account."
  }
}

variable "inference" {
  description = <<-TEXT
    How requests are answered: exactly one of async, real_time and serverless.
    - `async`: Asynchronous inference: requests wait in a queue, and results are written to S3.
    - `async.failure_uri`: S3 prefix of failures, which ends in a slash.
    - `async.include_response_in`: Notifications that include the response (up to 128 KB): SUCCESS_NOTIFICATION_TOPIC, ERROR_NOTIFICATION_TOPIC or both.
    - `async.max_concurrent_invocations`: Concurrent invocations per instance: 1 to 1000.
    - `async.output_uri`: S3 prefix of outputs, which ends in a slash.
    - `async.topic_arns`: SNS topics that results are announced on, in the endpoint's region.
    - `async.topic_arns.error`: ARN of the topic for failed requests.
    - `async.topic_arns.success`: ARN of the topic for completed requests.
    - `real_time`: Real-time inference: InvokeEndpoint returns the response within 60 seconds.
    - `real_time.data_capture`: Capture of requests and responses as JSON lines in S3.
    - `real_time.data_capture.csv_content_types`: Content types captured as CSV text, up to 10.
    - `real_time.data_capture.json_content_types`: Content types captured as JSON, up to 10; any other is captured as Base64.
    - `real_time.data_capture.modes`: What is captured: Input, Output or both.
    - `real_time.data_capture.sampling_percent`: Share of requests captured: 0 to 100 percent.
    - `real_time.data_capture.uri`: S3 prefix of the captured data, which the execution role must be allowed to write.
    - `serverless`: Serverless inference: no instances; SageMaker scales with the requests.
    - `serverless.max_concurrency`: Concurrent requests: 1 to 200.
    - `serverless.memory_mb`: Memory in MB: 1024 to 6144, in steps of 1024.
    - `serverless.provisioned_concurrency`: Concurrent requests that find a warm container: 1 to max_concurrency; null for none.
  TEXT
  type = object({
    async = optional(object({
      failure_uri                = string
      include_response_in        = optional(set(string), ["ERROR_NOTIFICATION_TOPIC", "SUCCESS_NOTIFICATION_TOPIC"])
      max_concurrent_invocations = optional(number, 4)
      output_uri                 = string
      topic_arns = optional(object({
        error   = optional(string)
        success = optional(string)
      }))
    }))
    real_time = optional(object({
      data_capture = optional(object({
        csv_content_types  = optional(set(string), [])
        json_content_types = optional(set(string), [])
        modes              = optional(set(string), ["Input", "Output"])
        sampling_percent   = optional(number, 100)
        uri                = string
      }))
    }))
    serverless = optional(object({
      max_concurrency         = number
      memory_mb               = number
      provisioned_concurrency = optional(number)
    }))
  })
  nullable = false

  validation {
    condition     = length([for choice in [var.inference.async, var.inference.real_time, var.inference.serverless] : true if choice != null]) == 1
    error_message = "Give exactly one of inference.async, inference.real_time and inference.serverless; real_time = {} is the shortest."
  }

  validation {
    condition = var.inference.async == null || try(alltrue([
      for uri in [var.inference.async.failure_uri, var.inference.async.output_uri] : can(regex("^s3://[^/]+/.+/$", uri)) && length(uri) <= 512
    ]), false)
    error_message = "Fields inference.async.failure_uri and inference.async.output_uri must be S3 prefixes that end in a slash, such as s3://bucket/prefix/, of up to 512 characters."
  }

  validation {
    condition = var.inference.async == null || try(
      !startswith(var.inference.async.failure_uri, var.inference.async.output_uri) && !startswith(var.inference.async.output_uri, var.inference.async.failure_uri), false
    )
    error_message = "Neither of inference.async.failure_uri and inference.async.output_uri may contain the other: failures and outputs are distinguished by their prefix."
  }

  validation {
    condition     = length(setsubtract(try(var.inference.async.include_response_in, []), ["ERROR_NOTIFICATION_TOPIC", "SUCCESS_NOTIFICATION_TOPIC"])) == 0
    error_message = "Field inference.async.include_response_in may hold SUCCESS_NOTIFICATION_TOPIC and ERROR_NOTIFICATION_TOPIC only."
  }

  validation {
    condition = try(var.inference.async.topic_arns, null) == null || try(alltrue([
      for outcome, arn in var.inference.async.topic_arns : arn != null || !contains(var.inference.async.include_response_in, "${upper(outcome)}_NOTIFICATION_TOPIC")
    ]), false)
    error_message = "Remove from inference.async.include_response_in the outcome that has no topic in inference.async.topic_arns: no notification of it could include the response."
  }

  validation {
    condition = alltrue([
      for arn in values(try(var.inference.async.topic_arns, null) == null ? {} : { for outcome, arn in var.inference.async.topic_arns : outcome => arn if arn != null }) :
      can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))
    ])
    error_message = "Fields of inference.async.topic_arns must be ARNs of standard topics, such as arn:aws:sns:region:account:name."
  }

  validation {
    condition     = var.inference.async == null || try(var.inference.async.max_concurrent_invocations >= 1 && var.inference.async.max_concurrent_invocations <= 1000, false)
    error_message = "Field inference.async.max_concurrent_invocations must be from 1 to 1000 invocations per instance."
  }

  validation {
    condition     = try(var.inference.real_time.data_capture, null) == null || can(regex("^s3://[^/]+/.+$", var.inference.real_time.data_capture.uri))
    error_message = "Field inference.real_time.data_capture.uri must be an S3 prefix, such as s3://bucket/capture/."
  }

  validation {
    condition     = try(var.inference.real_time.data_capture, null) == null || try(var.inference.real_time.data_capture.sampling_percent >= 0 && var.inference.real_time.data_capture.sampling_percent <= 100, false)
    error_message = "Field inference.real_time.data_capture.sampling_percent must be from 0 to 100."
  }

  validation {
    condition = try(var.inference.real_time.data_capture, null) == null || try(
      length(var.inference.real_time.data_capture.modes) > 0 && length(setsubtract(var.inference.real_time.data_capture.modes, ["Input", "Output"])) == 0, false
    )
    error_message = "Field inference.real_time.data_capture.modes must hold Input, Output or both."
  }

  validation {
    condition = try(var.inference.real_time.data_capture, null) == null || try(
      max(length(var.inference.real_time.data_capture.csv_content_types), length(var.inference.real_time.data_capture.json_content_types)) <= 10, false
    )
    error_message = "Fields csv_content_types and json_content_types of inference.real_time.data_capture may hold up to 10 content types each."
  }

  validation {
    condition     = var.inference.serverless == null || contains([1024, 2048, 3072, 4096, 5120, 6144], try(var.inference.serverless.memory_mb, 0))
    error_message = "Field inference.serverless.memory_mb must be 1024, 2048, 3072, 4096, 5120 or 6144."
  }

  validation {
    condition     = var.inference.serverless == null || try(var.inference.serverless.max_concurrency >= 1 && var.inference.serverless.max_concurrency <= 200, false)
    error_message = "Field inference.serverless.max_concurrency must be from 1 to 200 concurrent requests."
  }

  validation {
    condition = try(var.inference.serverless.provisioned_concurrency, null) == null || try(
      var.inference.serverless.provisioned_concurrency >= 1 && var.inference.serverless.provisioned_concurrency <= var.inference.serverless.max_concurrency, false
    )
    error_message = "Field inference.serverless.provisioned_concurrency must be from 1 to inference.serverless.max_concurrency, which includes it."
  }
}

variable "name" {
  description = "Prefix of the configuration's name: 1 to 36 letters, digits and hyphens. Every change creates a configuration under a new name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,35}$", var.name)) && length(var.name) <= 36
    error_message = "Variable name must be 1 to 36 letters, digits and hyphens that neither begin nor end with a hyphen, so that generated names stay within 63 characters."
  }
}

variable "tags" {
  description = "Tags of the endpoint configuration, beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "variants" {
  description = <<-TEXT
    Variants by name: one for async and serverless, up to ten for real_time, or one and its shadow. A serverless variant takes model_name alone.
    - `*.core_dump_uri`: S3 prefix of core dumps of crashed containers, which the execution role must be allowed to write; null for none.
    - `*.enable_ssm_access`: Whether AWS Systems Manager can open a shell on the instances. AWS Support must admit the account to it first, and the execution role needs the four ssmmessages actions (enable_ssm_access of module model).
    - `*.inference_ami_version`: Machine image of the instances, such as al2-ami-sagemaker-inference-gpu-2; SageMaker's default when it is null.
    - `*.initial_instances`: Instances at creation and after every update: 1 or more.
    - `*.instance_type`: SageMaker instance type, such as ml.m5.xlarge. Required unless serverless.
    - `*.model_download_timeout_seconds`: Time limit for downloading the model from S3: 60 to 3600 seconds.
    - `*.model_name`: Name of the SageMaker model: output name of module model.
    - `*.routing_strategy`: How requests are distributed over instances: LEAST_OUTSTANDING_REQUESTS or RANDOM. Real-time only.
    - `*.shadow`: Whether the variant receives copies of requests and its responses are discarded. Real-time only.
    - `*.startup_timeout_seconds`: Time limit for the container to answer /ping after it starts: 60 to 3600 seconds.
    - `*.volume_size_gb`: Size of the instance volume: 1 to 512 GB. Not for instance types with local NVMe storage.
    - `*.weight`: Share of the requests, relative to the sum of all weights, such as 9 and 1: a multiple of 1/1024, at most 16384.
  TEXT
  type = map(object({
    core_dump_uri                  = optional(string)
    enable_ssm_access              = optional(bool)
    inference_ami_version          = optional(string)
    initial_instances              = optional(number, 1)
    instance_type                  = optional(string)
    model_download_timeout_seconds = optional(number, 600)
    model_name                     = string
    routing_strategy               = optional(string)
    shadow                         = optional(bool, false)
    startup_timeout_seconds        = optional(number, 600)
    volume_size_gb                 = optional(number)
    weight                         = optional(number, 1)
  }))
  nullable = false

  validation {
    condition     = length(var.variants) >= 1 && length(var.variants) <= 10
    error_message = "Variable variants must hold 1 to 10 variants, shadows included."
  }

  validation {
    condition     = var.inference.real_time != null || length(var.variants) == 1
    error_message = "Give exactly one variant: asynchronous and serverless endpoints have a single one. Several variants, or a shadow, need inference.real_time or separate endpoints."
  }

  validation {
    condition     = alltrue([for name in keys(var.variants) : can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", name)) && length(name) <= 63])
    error_message = "Names of variants must be 1 to 63 letters, digits and hyphens that neither begin nor end with a hyphen."
  }

  validation {
    condition     = alltrue([for variant in var.variants : !variant.shadow]) || join(",", sort([for variant in var.variants : tostring(variant.shadow)])) == "false,true"
    error_message = "A shadow variant needs exactly one production variant beside it and no other shadow; remove the other variants while it runs."
  }

  validation {
    condition = var.inference.serverless == null || alltrue(flatten([
      for variant in var.variants : [
        for setting in [variant.core_dump_uri, variant.enable_ssm_access, variant.inference_ami_version, variant.instance_type, variant.volume_size_gb] : setting == null
      ]
    ]))
    error_message = "A serverless variant has no instances: remove core_dump_uri, enable_ssm_access, inference_ami_version, instance_type and volume_size_gb, and give inference.serverless.memory_mb."
  }

  validation {
    condition     = var.inference.serverless != null || alltrue([for variant in var.variants : can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9]+$", variant.instance_type))])
    error_message = "Field instance_type of each variant must be a SageMaker instance type, such as ml.m5.xlarge; without instances, use inference.serverless."
  }

  validation {
    condition     = alltrue([for variant in var.variants : variant.initial_instances >= 1 && floor(variant.initial_instances) == variant.initial_instances])
    error_message = "Field initial_instances of each variant must be a whole number, 1 or more: SageMaker creates no endpoint without instances; automatic scaling takes it to zero afterwards."
  }

  validation {
    condition     = alltrue(flatten([for variant in var.variants : [for seconds in [variant.model_download_timeout_seconds, variant.startup_timeout_seconds] : seconds >= 60 && seconds <= 3600]]))
    error_message = "Fields model_download_timeout_seconds and startup_timeout_seconds of each variant must be from 60 to 3600 seconds."
  }

  validation {
    condition     = alltrue([for variant in var.variants : variant.volume_size_gb == null || try(variant.volume_size_gb >= 1 && variant.volume_size_gb <= 512, false)])
    error_message = "Field volume_size_gb of each variant must be from 1 to 512 GB."
  }

  validation {
    condition     = alltrue([for variant in var.variants : variant.weight >= 0]) && anytrue([for variant in var.variants : variant.weight > 0 && !variant.shadow])
    error_message = "Field weight of each variant must be 0 or more, and above 0 for at least one production variant; otherwise no variant would receive requests."
  }

  # Numbers that a float of 32 bits holds exactly.
  validation {
    condition     = alltrue([for variant in var.variants : floor(variant.weight * 1024) == variant.weight * 1024 && variant.weight <= 16384])
    error_message = "Field weight of each variant must be a multiple of 1/1024, at most 16384, such as 9 and 1 instead of 0.9 and 0.1: SageMaker's weights are floats of 32 bits, so 0.9 is read back as another number, and every apply would replace the configuration."
  }

  validation {
    condition     = alltrue([for variant in var.variants : variant.routing_strategy == null || (var.inference.real_time != null && contains(["LEAST_OUTSTANDING_REQUESTS", "RANDOM"], coalesce(variant.routing_strategy, "RANDOM")))])
    error_message = "Field routing_strategy must be LEAST_OUTSTANDING_REQUESTS or RANDOM and needs inference.real_time: asynchronous requests wait in one queue, and serverless variants have no instances."
  }

  validation {
    condition = alltrue([
      for variant in var.variants : variant.inference_ami_version == null || contains([
        "al2-ami-sagemaker-inference-gpu-2", "al2-ami-sagemaker-inference-gpu-2-1", "al2-ami-sagemaker-inference-gpu-3-1", "al2-ami-sagemaker-inference-neuron-2",
      ], coalesce(variant.inference_ami_version, "none"))
    ])
    error_message = "Field inference_ami_version must be one that the provider accepts: al2-ami-sagemaker-inference-gpu-2, -gpu-2-1, -gpu-3-1 or -neuron-2."
  }

  validation {
    condition     = alltrue([for variant in var.variants : variant.core_dump_uri == null || can(regex("^s3://[^/]+/.+$", variant.core_dump_uri))])
    error_message = "Field core_dump_uri must be an S3 prefix that the execution role may write, such as s3://bucket/core-dumps/."
  }
}
