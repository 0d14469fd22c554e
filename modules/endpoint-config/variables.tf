variable "inference" {
  description = "How requests are answered: exactly one of async, real_time and serverless."
  type = object({
    async = optional(object({
      failure_uri                = string # S3 prefix of failures
      include_response_in        = optional(set(string), ["ERROR_NOTIFICATION_TOPIC", "SUCCESS_NOTIFICATION_TOPIC"])
      max_concurrent_invocations = optional(number, 4) # by instance
      output_uri                 = string              # S3 prefix of outputs
      topic_arns = optional(object({                   # where requests that ended are announced
        error   = optional(string)
        success = optional(string)
      }))
    }))
    real_time = optional(object({
      data_capture = optional(object({
        csv_content_types  = optional(set(string), []) # content types captured as they are
        json_content_types = optional(set(string), []) # content types captured as they are; others as Base64
        modes              = optional(set(string), ["Input", "Output"])
        sampling_percent   = optional(number, 100) # of the requests
        uri                = string                # S3 prefix of captures
      }))
    }))
    serverless = optional(object({
      max_concurrency         = number           # 1 to 200 requests at a time
      memory_mb               = number           # 1024 to 6144, in steps of 1024
      provisioned_concurrency = optional(number) # containers that are kept warm
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
    error_message = "Fields inference.async.failure_uri and inference.async.output_uri must be S3 URIs of prefixes that end in a slash, as s3://bucket/prefix/, of up to 512 characters."
  }

  validation {
    condition = var.inference.async == null || try(
      !startswith(var.inference.async.failure_uri, var.inference.async.output_uri) && !startswith(var.inference.async.output_uri, var.inference.async.failure_uri), false
    )
    error_message = "Give inference.async.failure_uri and inference.async.output_uri prefixes of which neither lies in the other, so that failures can be told from outputs by their place."
  }

  validation {
    condition     = length(setsubtract(try(var.inference.async.include_response_in, []), ["ERROR_NOTIFICATION_TOPIC", "SUCCESS_NOTIFICATION_TOPIC"])) == 0
    error_message = "Field inference.async.include_response_in may hold SUCCESS_NOTIFICATION_TOPIC and ERROR_NOTIFICATION_TOPIC only."
  }

  validation {
    condition = try(var.inference.async.topic_arns, null) == null || try(alltrue([
      for outcome, arn in var.inference.async.topic_arns : arn != null || !contains(var.inference.async.include_response_in, "${upper(outcome)}_NOTIFICATION_TOPIC")
    ]), false)
    error_message = "Leave out of inference.async.include_response_in the outcome whose topic is not in inference.async.topic_arns: there is nothing to include its response in."
  }

  validation {
    condition = alltrue([
      for arn in values(try(var.inference.async.topic_arns, null) == null ? {} : { for outcome, arn in var.inference.async.topic_arns : outcome => arn if arn != null }) :
      can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))
    ])
    error_message = "Fields of inference.async.topic_arns must be ARNs of standard topics, as arn:aws:sns:region:account:name."
  }

  validation {
    condition     = var.inference.async == null || try(var.inference.async.max_concurrent_invocations >= 1 && var.inference.async.max_concurrent_invocations <= 1000, false)
    error_message = "Field inference.async.max_concurrent_invocations must be from 1 to 1000 invocations an instance."
  }

  validation {
    condition     = try(var.inference.real_time.data_capture, null) == null || can(regex("^s3://[^/]+/.+$", var.inference.real_time.data_capture.uri))
    error_message = "Field inference.real_time.data_capture.uri must be the S3 URI of a prefix, as s3://bucket/capture/."
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
    error_message = "Field inference.serverless.max_concurrency must be from 1 to 200 invocations."
  }

  validation {
    condition = try(var.inference.serverless.provisioned_concurrency, null) == null || try(
      var.inference.serverless.provisioned_concurrency >= 1 && var.inference.serverless.provisioned_concurrency <= var.inference.serverless.max_concurrency, false
    )
    error_message = "Field inference.serverless.provisioned_concurrency must be from 1 to inference.serverless.max_concurrency, of which it is a part."
  }
}

variable "kms" {
  description = "Key of results, captured data, core dumps and, where the instance type allows it, instance volumes. Without one they are encrypted with AWS's own keys."
  type = object({
    key_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.kms.key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms.key_arn))
    error_message = "Field kms.key_arn must be the full ARN of a key (arn:aws:kms:region:account:key/id), because an alias or an id does not say whose key it is."
  }
}

variable "name" {
  description = "What names of configurations begin with. Each change makes a new configuration under a new name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,35}$", var.name)) && length(var.name) <= 36
    error_message = "Variable name must be 1 to 36 letters, digits and hyphens that neither begin nor end with a hyphen, so that the names made from it stay within 63 characters."
  }
}

variable "variants" {
  description = "What serves, by variant name: one variant of async and serverless, up to ten of real_time, or one and its shadow. A serverless variant takes model_name alone."
  type = map(object({
    core_dump_uri         = optional(string) # S3 prefix of core dumps
    enable_ssm_access     = optional(bool)   # a shell on its instances, by AWS Systems Manager
    inference_ami_version = optional(string)
    initial_instances     = optional(number, 1) # what the endpoint, and each update, begins with
    instance_type         = optional(string)
    managed_scaling = optional(object({ # SageMaker scales it by itself; real_time only
      max_instances = number
      min_instances = number
    }))
    model_download_timeout_seconds = optional(number, 600) # 60 to 3600
    model_name                     = string
    routing_strategy               = optional(string)      # real_time only: LEAST_OUTSTANDING_REQUESTS or RANDOM
    shadow                         = optional(bool, false) # true: it is sent copies, and its answers are dropped
    startup_timeout_seconds        = optional(number, 600) # until the container answers /ping: 60 to 3600
    volume_size_gb                 = optional(number)      # 1 to 512
    weight                         = optional(number, 1)   # its share of the requests is this by the sum of all
  }))
  nullable = false

  validation {
    condition     = length(var.variants) >= 1 && length(var.variants) <= 10
    error_message = "Variable variants must hold from 1 to 10 variants, shadows included."
  }

  validation {
    condition     = var.inference.real_time != null || length(var.variants) == 1
    error_message = "Give exactly one variant: SageMaker answers asynchronous and serverless requests with a single one. Several variants, a shadow among them, need inference.real_time, or an endpoint each."
  }

  validation {
    condition     = alltrue([for name in keys(var.variants) : can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", name)) && length(name) <= 63])
    error_message = "Names of variants must be 1 to 63 letters, digits and hyphens that neither begin nor end with a hyphen."
  }

  validation {
    condition     = alltrue([for variant in var.variants : !variant.shadow]) || join(",", sort([for variant in var.variants : tostring(variant.shadow)])) == "false,true"
    error_message = "A shadow variant goes with exactly one production variant, and is the only shadow: leave other variants out while it is tried."
  }

  validation {
    condition = var.inference.serverless == null || alltrue(flatten([
      for variant in var.variants : [
        for setting in [variant.core_dump_uri, variant.enable_ssm_access, variant.inference_ami_version, variant.instance_type, variant.volume_size_gb] : setting == null
      ]
    ]))
    error_message = "A serverless variant has no instances: leave out core_dump_uri, enable_ssm_access, inference_ami_version, instance_type and volume_size_gb, and give inference.serverless.memory_mb."
  }

  validation {
    condition     = var.inference.serverless != null || alltrue([for variant in var.variants : can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9]+$", variant.instance_type))])
    error_message = "Field instance_type of each variant must be a SageMaker instance type, such as ml.m5.xlarge; without instances there is inference.serverless."
  }

  validation {
    condition     = alltrue([for variant in var.variants : variant.initial_instances >= 1 && floor(variant.initial_instances) == variant.initial_instances])
    error_message = "Field initial_instances of each variant must be a whole number, 1 or more: SageMaker creates no endpoint with none, scaling takes it to zero afterwards."
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
    error_message = "Field weight of each variant must be 0 or more, and above 0 for at least one production variant, or nothing is answered."
  }

  validation {
    condition     = alltrue([for variant in var.variants : variant.routing_strategy == null || (var.inference.real_time != null && contains(["LEAST_OUTSTANDING_REQUESTS", "RANDOM"], coalesce(variant.routing_strategy, "RANDOM")))])
    error_message = "Field routing_strategy must be LEAST_OUTSTANDING_REQUESTS or RANDOM, and needs inference.real_time: asynchronous requests wait in one queue, and serverless variants have no instances."
  }

  validation {
    condition     = alltrue([for variant in var.variants : variant.managed_scaling == null || var.inference.real_time != null])
    error_message = "Field managed_scaling needs inference.real_time; asynchronous and serverless variants are scaled by module endpoint."
  }

  validation {
    condition = alltrue([
      for variant in var.variants : variant.managed_scaling == null || try(
        variant.managed_scaling.min_instances >= 0 && variant.managed_scaling.max_instances >= max(1, variant.managed_scaling.min_instances), false
      )
    ])
    error_message = "Field managed_scaling.max_instances must be 1 or more and not below managed_scaling.min_instances, which must be 0 or more."
  }

  validation {
    condition = alltrue([
      for variant in var.variants : variant.inference_ami_version == null || contains([
        "al2-ami-sagemaker-inference-gpu-2", "al2-ami-sagemaker-inference-gpu-2-1", "al2-ami-sagemaker-inference-gpu-3-1", "al2-ami-sagemaker-inference-neuron-2",
      ], coalesce(variant.inference_ami_version, "none"))
    ])
    error_message = "Field inference_ami_version must be one that the provider knows: al2-ami-sagemaker-inference-gpu-2, -gpu-2-1, -gpu-3-1 or -neuron-2."
  }

  validation {
    condition     = alltrue([for variant in var.variants : variant.core_dump_uri == null || can(regex("^s3://[^/]+/.+$", variant.core_dump_uri))])
    error_message = "Field core_dump_uri must be the S3 URI of a prefix that the execution role may write, as s3://bucket/core-dumps/."
  }
}
