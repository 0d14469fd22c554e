variable "kms_key_arn" {
  description = "ARN of the key that encrypts results and, where the instance type allows it, instance volumes."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days to keep what containers log."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "Variable log_retention_days must be a retention Amazon CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731 days."
  }
}

variable "model_name" {
  description = "Name of the model to serve."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Name of the endpoint. It does not change when the endpoint is updated."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,34}[a-zA-Z0-9]$", var.name))
    error_message = "Variable name must be 2 to 36 letters, digits and hyphens, so that names of endpoint configurations made from it stay within 63 characters."
  }
}

variable "results" {
  description = "Where results go: S3 URIs of output and failure, topics by outcome, and in which notifications responses of up to 128 KB are included."
  type = object({
    failure_uri         = string
    include_response_in = optional(set(string), ["ERROR_NOTIFICATION_TOPIC", "SUCCESS_NOTIFICATION_TOPIC"])
    output_uri          = string
    topic_arns = object({
      error   = string
      success = string
    })
  })
  nullable = false

  validation {
    condition     = alltrue([for uri in [var.results.failure_uri, var.results.output_uri] : can(regex("^s3://[^/]+/.+/$", uri))])
    error_message = "Fields results.failure_uri and results.output_uri must be S3 URIs of prefixes that end in a slash, as s3://bucket/prefix/."
  }

  validation {
    condition     = var.results.failure_uri != var.results.output_uri
    error_message = "Give results.failure_uri and results.output_uri different prefixes, so that failures can be told from outputs by their place."
  }

  validation {
    condition     = length(setsubtract(var.results.include_response_in, ["ERROR_NOTIFICATION_TOPIC", "SUCCESS_NOTIFICATION_TOPIC"])) == 0
    error_message = "Field results.include_response_in may hold SUCCESS_NOTIFICATION_TOPIC and ERROR_NOTIFICATION_TOPIC only."
  }
}

variable "scaling" {
  description = "Bounds of the instance count, the backlog one instance is given, and seconds to rest after each scaling activity."
  type = object({
    max_instances               = optional(number, 2)
    min_instances               = optional(number, 0)
    scale_in_cooldown_seconds   = optional(number, 300)
    scale_out_cooldown_seconds  = optional(number, 300)
    target_backlog_per_instance = optional(number, 5)
    wake_cooldown_seconds       = optional(number, 300)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.scaling.min_instances >= 0 && floor(var.scaling.min_instances) == var.scaling.min_instances
    error_message = "Field scaling.min_instances must be a whole number, 0 (sleep when idle) or more."
  }

  validation {
    condition     = var.scaling.max_instances >= 1 && floor(var.scaling.max_instances) == var.scaling.max_instances
    error_message = "Field scaling.max_instances must be a whole number, 1 or more."
  }

  validation {
    condition     = var.scaling.max_instances >= var.scaling.min_instances
    error_message = "Field scaling.max_instances must not be below scaling.min_instances."
  }

  validation {
    condition     = var.scaling.target_backlog_per_instance > 0
    error_message = "Field scaling.target_backlog_per_instance must be above 0; it is the number of requests one instance is left with."
  }

  validation {
    condition     = min(var.scaling.scale_in_cooldown_seconds, var.scaling.scale_out_cooldown_seconds, var.scaling.wake_cooldown_seconds) >= 0
    error_message = "Every cooldown in scaling must be 0 seconds or more."
  }
}

variable "variant" {
  description = "The one production variant an asynchronous endpoint has: instances, requests each works on at once, and seconds it may take to fetch the model and to answer its first ping."
  type = object({
    initial_instances              = optional(number, 1)
    instance_type                  = optional(string, "ml.m5.xlarge")
    max_concurrent_invocations     = optional(number, 4)
    model_download_timeout_seconds = optional(number, 600)
    startup_timeout_seconds        = optional(number, 600)
    volume_size_gb                 = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.variant.initial_instances >= 1 && floor(var.variant.initial_instances) == var.variant.initial_instances
    error_message = "Field variant.initial_instances must be a whole number, 1 or more: SageMaker creates no endpoint with none, scaling takes it to zero afterwards."
  }

  validation {
    condition     = can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9]+$", var.variant.instance_type))
    error_message = "Field variant.instance_type must be a SageMaker instance type, such as ml.m5.xlarge; asynchronous endpoints are never serverless."
  }

  validation {
    condition     = var.variant.max_concurrent_invocations >= 1 && var.variant.max_concurrent_invocations <= 1000
    error_message = "Field variant.max_concurrent_invocations must be from 1 to 1000 invocations an instance."
  }

  validation {
    condition     = alltrue([for seconds in [var.variant.model_download_timeout_seconds, var.variant.startup_timeout_seconds] : seconds >= 60 && seconds <= 3600])
    error_message = "Fields variant.model_download_timeout_seconds and variant.startup_timeout_seconds must be from 60 to 3600 seconds."
  }

  validation {
    condition     = var.variant.volume_size_gb == null || try(var.variant.volume_size_gb >= 1 && var.variant.volume_size_gb <= 512, false)
    error_message = "Field variant.volume_size_gb must be from 1 to 512 GB."
  }
}
