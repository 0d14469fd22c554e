variable "alarm_actions" {
  description = "ARNs of SNS topics that every alarm notifies, when it fires and when it ends; none when it is empty."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_actions : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "Variable alarm_actions must hold ARNs of standard topics, such as arn:aws:sns:region:account:name."
  }
}

variable "api" {
  description = <<-TEXT
    What the API accepts; the options of `async-endpoint serve`.
    - `allowed_webhooks`: URL prefixes of receivers that may have a private address or use http, such as https://hooks.example.internal/; others must have public addresses and https.
    - `cors_origins`: Origins whose pages may use the API from a browser, such as https://app.example.com; none when it is empty.
    - `input_uris`: S3 prefixes below which a prediction may name its input, beside the caller's own uploads. The execution role must read them.
    - `longest_wait_seconds`: Longest time that `Prefer: wait=N` holds a request: 0 to 25. Each such request takes one of functions.api.reserved_concurrency meanwhile.
    - `max_wait_seconds`: Expected wait above which predictions are refused with 503; any wait is accepted when it is null.
    - `read_only`: Whether to refuse everything but reading.
  TEXT
  type = object({
    allowed_webhooks     = optional(list(string), [])
    cors_origins         = optional(list(string), [])
    input_uris           = optional(list(string), [])
    longest_wait_seconds = optional(number, 5)
    max_wait_seconds     = optional(number)
    read_only            = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for url in var.api.allowed_webhooks : can(regex("^https?://[^/@?#\\s]+/", url))])
    error_message = "Every prefix in api.allowed_webhooks must be a URL with a path, such as https://hooks.example.internal/: without a slash after the host it would admit hosts that begin alike."
  }

  validation {
    condition     = alltrue([for origin in var.api.cors_origins : can(regex("^https?://[^/@?#*\\s]+$", origin))])
    error_message = "Every origin in api.cors_origins must be a scheme and a host, such as https://app.example.com, without a path and without wildcards: any page could use the API."
  }

  validation {
    condition     = alltrue([for uri in var.api.input_uris : can(regex("^s3://[a-z0-9.-]+/.+/$", uri))])
    error_message = "Every prefix in api.input_uris must be s3://bucket/prefix/ with a slash at its end: without one it would admit keys that begin alike."
  }

  validation {
    condition     = var.api.longest_wait_seconds >= 0 && var.api.longest_wait_seconds <= 25 && floor(var.api.longest_wait_seconds) == var.api.longest_wait_seconds
    error_message = "Field api.longest_wait_seconds must be a whole number of seconds from 0 to 25: API Gateway gives up after 30."
  }

  validation {
    condition     = var.api.max_wait_seconds == null || try(var.api.max_wait_seconds >= 1, false)
    error_message = "Field api.max_wait_seconds must be 1 second or more, or null to accept any wait."
  }
}

variable "async_endpoints" {
  description = <<-TEXT
    Endpoints to serve, by their names in URLs: output async_endpoint of module async-inference, with http_api = {} there.
    - `*.account_id`: Account of the endpoint.
    - `*.endpoint`: The endpoint.
    - `*.endpoint.arn`: Its ARN.
    - `*.endpoint.config_name`: Its configuration.
    - `*.endpoint.execution_role_arn`: Its execution role.
    - `*.endpoint.instance_type`: Its instance type.
    - `*.endpoint.max_concurrent_invocations_per_instance`: Concurrent invocations per instance.
    - `*.endpoint.model_name`: Its model.
    - `*.endpoint.name`: Its name.
    - `*.endpoint.variant_name`: Its variant.
    - `*.environment`: Its environment.
    - `*.http_api`: State and queues of the API.
    - `*.http_api.credentials_uri`: Prefix of API keys and signing secrets.
    - `*.http_api.delivery_dead_letter_queue_url`: URL of the dead letter queue of deliveries.
    - `*.http_api.delivery_queue_arn`: ARN of the delivery queue.
    - `*.http_api.delivery_queue_url`: URL of the delivery queue.
    - `*.http_api.state_uri`: Prefix of predictions.
    - `*.limits`: Time limits.
    - `*.limits.cold_start_seconds`: Longest start of an instance.
    - `*.limits.invocation_timeout_seconds`: Longest invocation.
    - `*.limits.request_ttl_seconds`: Longest wait of a request.
    - `*.notifications`: Topics and queues of results.
    - `*.notifications.dead_letter_queue_url`: URL of the dead letter queue of results.
    - `*.notifications.error_topic_arn`: ARN of the topic of failures.
    - `*.notifications.results_queue_arn`: ARN of the results queue.
    - `*.notifications.results_queue_url`: URL of the results queue.
    - `*.notifications.success_topic_arn`: ARN of the topic of successes.
    - `*.region`: Region of the endpoint.
    - `*.scaling`: Automatic scaling.
    - `*.scaling.max_instances`: Most instances.
    - `*.scaling.min_instances`: Fewest instances.
    - `*.scaling.resource_id`: Id of the scalable target.
    - `*.scaling.target_backlog_per_instance`: Target backlog per instance.
    - `*.scaling.tracking_policy_name`: Name of the tracking policy.
    - `*.scaling.wake_alarm_name`: Name of the alarm that wakes the endpoint.
    - `*.scaling.wake_policy_name`: Name of the policy that wakes the endpoint.
    - `*.schema_version`: Version of this object.
    - `*.storage`: Where its data lies.
    - `*.storage.bucket`: Name of the bucket.
    - `*.storage.failure_uri`: Prefix of failures.
    - `*.storage.input_uri`: Prefix of inputs.
    - `*.storage.kms_key_arn`: ARN of the KMS key; null without one.
    - `*.storage.output_uri`: Prefix of outputs.
  TEXT
  type = map(object({
    account_id = string
    endpoint = object({
      arn                                     = string
      config_name                             = string
      execution_role_arn                      = string
      instance_type                           = string
      max_concurrent_invocations_per_instance = number
      model_name                              = string
      name                                    = string
      variant_name                            = string
    })
    environment = string
    http_api = object({
      credentials_uri                = string
      delivery_dead_letter_queue_url = string
      delivery_queue_arn             = string
      delivery_queue_url             = string
      state_uri                      = string
    })
    limits = object({
      cold_start_seconds         = number
      invocation_timeout_seconds = number
      request_ttl_seconds        = number
    })
    notifications = object({
      dead_letter_queue_url = string
      error_topic_arn       = string
      results_queue_arn     = string
      results_queue_url     = string
      success_topic_arn     = string
    })
    region = string
    scaling = object({
      max_instances               = number
      min_instances               = number
      resource_id                 = string
      target_backlog_per_instance = number
      tracking_policy_name        = string
      wake_alarm_name             = string
      wake_policy_name            = string
    })
    schema_version = number
    storage = object({
      bucket      = string
      failure_uri = string
      input_uri   = string
      kms_key_arn = optional(string)
      output_uri  = string
    })
  }))
  nullable = false

  validation {
    condition     = length(var.async_endpoints) > 0 && alltrue([for name in keys(var.async_endpoints) : can(regex("^[a-z0-9][a-z0-9-]{0,62}$", name))])
    error_message = "Variable async_endpoints must hold at least one endpoint; their names are parts of URLs: lowercase letters, digits and hyphens."
  }

  validation {
    condition     = alltrue([for endpoint in var.async_endpoints : try(endpoint.http_api.state_uri, null) != null])
    error_message = "Every endpoint in async_endpoints needs http_api = {} on its module async-inference, which creates its delivery queue."
  }
}

variable "functions" {
  description = <<-TEXT
    Memory and concurrency of the functions.
    - `api`: Serves requests.
    - `api.memory_mb`: Memory, and with it CPU: 256 to 10240 MB.
    - `api.reserved_concurrency`: Requests at a time, reserved from the account's limit; -1 shares that limit.
    - `deliver`: Delivers webhooks.
    - `deliver.maximum_concurrency`: Batches of each delivery queue at a time: 2 to 1000.
    - `deliver.memory_mb`: Memory: 256 to 10240 MB.
    - `deliver.reserved_concurrency`: Batches at a time, reserved from the account's limit; maximum_concurrency of every queue when it is null, and -1 shares that limit.
    - `sweep`: Finds ends that nothing announced; one at a time.
    - `sweep.memory_mb`: Memory: 256 to 10240 MB.
  TEXT
  type = object({
    api = optional(object({
      memory_mb            = optional(number, 1024)
      reserved_concurrency = optional(number, 50)
    }), {})
    deliver = optional(object({
      maximum_concurrency  = optional(number, 5)
      memory_mb            = optional(number, 512)
      reserved_concurrency = optional(number)
    }), {})
    sweep = optional(object({
      memory_mb = optional(number, 512)
    }), {})
  })
  default  = {}
  nullable = false

  # Imports take some 100 MB (measured: docs/http-api.md).
  validation {
    condition     = alltrue([for function in values(var.functions) : function.memory_mb >= 256 && function.memory_mb <= 10240])
    error_message = "Every memory_mb in functions must be from 256 MB, which the application needs, to 10240 MB, the most AWS Lambda offers."
  }

  validation {
    condition     = var.functions.api.reserved_concurrency == -1 || var.functions.api.reserved_concurrency >= 1
    error_message = "Field functions.api.reserved_concurrency must be 1 or more, or -1 to reserve nothing: 0 would stop the function."
  }

  # Lambda developer guide, "Configuring scaling behavior for SQS event source mappings": a batch that is throttled is received again.
  validation {
    condition = (
      var.functions.deliver.reserved_concurrency == null || try(var.functions.deliver.reserved_concurrency == -1, false)
      || try(var.functions.deliver.reserved_concurrency >= var.functions.deliver.maximum_concurrency * length(var.async_endpoints), false)
    )
    error_message = "Field functions.deliver.reserved_concurrency must be at least maximum_concurrency (${var.functions.deliver.maximum_concurrency}) for each of the ${length(var.async_endpoints)} endpoints, or -1 to reserve nothing: batches that find no concurrency are received again, and then become dead letters."
  }

  validation {
    condition     = var.functions.deliver.maximum_concurrency >= 2 && var.functions.deliver.maximum_concurrency <= 1000
    error_message = "Field functions.deliver.maximum_concurrency must be from 2 to 1000, the range of an event source mapping of Amazon SQS."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key of logs and settings; its policy must admit logs.\\<region>.amazonaws.com. A key is created when it is null."
  type        = string
  default     = null
  nullable    = true

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "Variable kms_key_arn must be the full ARN of a key (arn:aws:kms:region:account:key/id): an alias or a key id does not identify its account."
  }
}

variable "logs" {
  description = <<-TEXT
    Log groups of functions and requests.
    - `retention_days`: Days to keep log events, one of the periods that CloudWatch Logs offers.
  TEXT
  type = object({
    retention_days = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.logs.retention_days)
    error_message = "Field logs.retention_days must be a period that CloudWatch Logs offers, such as 7, 30, 90 or 365 days."
  }
}

variable "name" {
  description = "Prefix of the names of functions, roles, alarms and log groups: 2 to 32 lowercase letters, digits and hyphens."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.name))
    error_message = "Variable name must be 2 to 32 lowercase letters, digits and hyphens that begin with a letter, so that every generated name stays within its limit."
  }
}

variable "package_path" {
  description = "Path of the functions' archive, which `make build/http-api.zip` builds, relative to the root module."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.package_path)
    error_message = "There is no file at package_path. Build it: make build/http-api.zip."
  }
}

variable "sweep_minutes" {
  description = "Minutes between two sweeps: 5 to 60. An expiry is announced that much later."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.sweep_minutes >= 5 && var.sweep_minutes <= 60 && floor(var.sweep_minutes) == var.sweep_minutes
    error_message = "Variable sweep_minutes must be a whole number of minutes from 5, for which one sweep leaves the next nothing to do, to 60."
  }
}

variable "tags" {
  description = "Tags of all taggable resources, beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "throttling" {
  description = <<-TEXT
    Requests that API Gateway lets pass, of all callers together; others get 429. The application limits each API key besides, in each of its processes.
    - `burst`: Requests at a time.
    - `requests_per_second`: Requests per second in the long run.
  TEXT
  type = object({
    burst               = optional(number, 100)
    requests_per_second = optional(number, 50)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttling.burst >= 1 && var.throttling.burst <= 5000 && var.throttling.requests_per_second >= 1 && var.throttling.requests_per_second <= 10000
    error_message = "Fields of throttling must be from 1 to 5000 requests at a time and 1 to 10000 per second, an account's quotas of API Gateway."
  }
}
