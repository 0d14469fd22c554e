# Fields without a default here have theirs in the module that uses them.

variable "access" {
  description = "Who may invoke, collect and deploy: managed policies, and a role for workflows of GitHub (see module iam)."
  type = object({
    deployer = optional(object({
      destroy                  = optional(bool)
      permissions_boundary_arn = optional(string)
    }))
    github = optional(object({
      policies        = optional(set(string))
      provider_arn    = optional(string)
      session_seconds = optional(number)
      subjects        = optional(list(string))
    }))
    managed_policies = optional(set(string))
  })
  default  = {}
  nullable = false
}

variable "endpoint" {
  description = "The endpoint's one variant (see module endpoint-config), its logs, and how long a request may wait in its queue."
  type = object({
    core_dump_uri                  = optional(string)
    enable_ssm_access              = optional(bool)
    inference_ami_version          = optional(string)
    initial_instances              = optional(number)
    instance_type                  = optional(string, "ml.m5.xlarge")
    log_kms_key_arn                = optional(string)
    log_retention_days             = optional(number)
    max_concurrent_invocations     = optional(number)
    model_download_timeout_seconds = optional(number)
    request_ttl_seconds            = optional(number, 21600)
    startup_timeout_seconds        = optional(number)
    volume_size_gb                 = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.endpoint.request_ttl_seconds >= 60 && var.endpoint.request_ttl_seconds <= 21600
    error_message = "Field endpoint.request_ttl_seconds must be from 60 to 21600 seconds (6 hours), the range InvokeEndpointAsync accepts."
  }
}

variable "environment" {
  description = "Name of the environment, such as dev or prod. Part of every name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "Variable environment must be 2 to 12 lowercase letters and digits that begin with a letter."
  }
}

variable "guardrails" {
  description = "How an update moves requests to new instances (see module endpoint), and which alarms of module monitoring take it back."
  type = object({
    canary = optional(object({
      instances    = optional(number)
      percent      = optional(number)
      wait_seconds = optional(number)
    }))
    linear = optional(object({
      instances    = optional(number)
      percent      = optional(number)
      wait_seconds = optional(number)
    }))
    maximum_seconds = optional(number)
    rollback_on     = optional(set(string), ["server_errors"])
    rolling = optional(object({
      instances          = optional(number)
      percent            = optional(number)
      rollback_instances = optional(number)
      rollback_percent   = optional(number)
      wait_seconds       = optional(number)
    }))
    termination_wait_seconds = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(var.guardrails.rollback_on) > 0
    error_message = "Field guardrails.rollback_on must hold at least one alarm: the provider replaces the endpoint, which is absent meanwhile, when the last one goes or the first one comes."
  }

  validation {
    condition = alltrue([
      for name in var.guardrails.rollback_on : contains([
        "client_errors", "cpu", "disk", "download_failures", "gpu", "gpu_memory", "invocation_failures", "memory", "model_latency", "notification_failures", "server_errors", "upload_failures",
      ], name)
    ])
    error_message = "Each name in guardrails.rollback_on must be an alarm that tells of the new instances, as server_errors, invocation_failures or model_latency do; a backlog or a request's age say nothing of them."
  }

  validation {
    condition     = alltrue([for name in var.guardrails.rollback_on : try(var.monitoring.alarms[name].enabled, true) != false])
    error_message = "Leave the alarms of guardrails.rollback_on enabled in monitoring.alarms: one that is not made takes nothing back."
  }
}

variable "model" {
  description = "The containers, their isolation and the execution role (see module model). The processor of an image follows the instance type."
  type = object({
    containers = list(object({
      archive = optional(object({
        kms_key_arn    = optional(string)
        path           = optional(string)
        record_version = optional(bool, true)
        s3_uri         = optional(string)
      }))
      data_source = optional(object({
        accept_eula = optional(bool)
        kms_key_arn = optional(string)
        s3_uri      = string
      }))
      environment = optional(map(string), {})
      hostname    = optional(string)
      image = optional(object({
        framework = optional(string)
        prebuilt = optional(object({
          repository = string
          tag        = string
        }))
        private_registry = optional(object({
          credentials_function_arn = optional(string)
        }))
        processor = optional(string)
        python    = optional(string)
        repository = optional(object({
          account_id = optional(string)
          digest     = optional(string)
          name       = string
          tag        = optional(string)
        }))
        uri     = optional(string)
        version = optional(string)
      }))
      model_package = optional(object({
        arn          = string
        artifact_uri = optional(string)
        image_uri    = optional(string)
        kms_key_arn  = optional(string)
      }))
      multi_model = optional(object({
        cache_models = optional(bool)
        kms_key_arn  = optional(string)
        s3_uri       = optional(string)
      }))
      serving = optional(object({
        max_request_bytes  = optional(number)
        max_response_bytes = optional(number)
        program            = optional(string)
        threads            = optional(number)
        timeout_seconds    = optional(number)
        workers            = optional(number)
      }), {})
    }))
    invocation        = optional(string, "serial")
    network_isolation = optional(bool, false)
    role = optional(object({
      existing = optional(object({
        arn = string
      }))
      path                     = optional(string)
      permissions_boundary_arn = optional(string)
    }), {})
  })
  nullable = false

  # InvokeEndpointAsync has neither TargetModel nor TargetContainerHostname (botocore 1.44.5, sagemaker-runtime).
  validation {
    condition     = alltrue([for container in var.model.containers : container.multi_model == null])
    error_message = "An asynchronous endpoint takes no multi_model container: a request to it cannot name a model. Use a real-time endpoint (modules model, endpoint-config and endpoint), or one archive that holds all models."
  }

  validation {
    condition     = var.model.invocation == "serial"
    error_message = "Containers of an asynchronous endpoint are invoked serially: a request to it cannot name a container. Leave out model.invocation, or use a real-time endpoint (modules model, endpoint-config and endpoint)."
  }
}

variable "monitoring" {
  description = "What alarms do, what differs from those of module monitoring, own alarms, and whether to make a dashboard."
  type = object({
    actions = optional(object({
      alarm             = optional(set(string))
      insufficient_data = optional(set(string))
      ok                = optional(set(string))
    }), {})
    alarms = optional(map(object({
      actions             = optional(set(string))
      datapoints_to_alarm = optional(number)
      enabled             = optional(bool)
      evaluation_periods  = optional(number)
      missing_data        = optional(string)
      period_seconds      = optional(number)
      statistic           = optional(string)
      threshold           = optional(number)
    })), {})
    dashboard = optional(bool)
    extra_alarms = optional(map(object({
      comparison_operator = optional(string)
      evaluation_periods  = optional(number)
      metric              = string
      statistic           = string
      threshold           = number
    })), {})
  })
  default  = {}
  nullable = false
}

variable "name" {
  description = "Name of what is deployed. With the environment it names everything."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,20}[a-z0-9]$", var.name))
    error_message = "Variable name must be 2 to 22 lowercase letters, digits and hyphens that begin with a letter, so that every name made from it stays within its limit."
  }
}

variable "network" {
  description = "Subnets and security groups of the containers: output vpc of module network, or given ones. Without them containers are in a network of Amazon SageMaker."
  type = object({
    security_group_ids = optional(list(string), [])
    subnet_ids         = optional(list(string), [])
  })
  default  = {}
  nullable = false
}

variable "notifications" {
  description = "Which notifications carry responses (see module endpoint-config), topics made here or brought, who else is told, and the queue that receives everything (see module notifications)."
  type = object({
    include_response_in  = optional(set(string))
    max_receives         = optional(number)
    raw_message_delivery = optional(bool)
    restrict_publishers  = optional(bool, true) # to the execution role; see module notifications
    retention_days       = optional(number)
    subscriptions = optional(map(object({
      endpoint             = string
      filter_policy        = optional(string)
      outcomes             = optional(set(string))
      protocol             = string
      raw_message_delivery = optional(bool)
    })), {})
    topics = optional(object({
      error = optional(object({
        arn         = string
        kms_key_arn = optional(string)
      }))
      success = optional(object({
        arn         = string
        kms_key_arn = optional(string)
      }))
    }), {})
    visibility_timeout_seconds = optional(number)
  })
  default  = {}
  nullable = false
}

variable "scaling" {
  description = "Bounds of the instance count, backlog one instance is left with, seconds to rest after an activity, and schedules that set other bounds (see module endpoint)."
  type = object({
    max_instances              = optional(number, 2)
    min_instances              = optional(number, 0)
    scale_in_cooldown_seconds  = optional(number)
    scale_out_cooldown_seconds = optional(number)
    schedules = optional(map(object({
      end_time      = optional(string)
      max_instances = number
      min_instances = number
      schedule      = string
      start_time    = optional(string)
      timezone      = optional(string)
    })), {})
    target_backlog_per_instance = optional(number, 5)
    wake_cooldown_seconds       = optional(number)
  })
  default  = {}
  nullable = false
}

variable "storage" {
  description = "Bucket and key: of this endpoint alone, with prefixes, readers of other accounts, expiry by prefix and what destroying deletes (see module storage); or shared with other endpoints."
  type = object({
    access_logs = optional(object({
      destination = optional(object({
        bucket_name = string
        prefix      = optional(string)
      }))
    }))
    existing = optional(object({
      bucket = optional(object({
        name = string
      }))
      key = optional(object({
        arn = string
      }))
    }))
    expire_after_days = optional(object({
      failure    = optional(number)
      input      = optional(number)
      noncurrent = optional(number)
      output     = optional(number)
    }))
    force_destroy            = optional(bool)
    key_deletion_window_days = optional(number)
    prefixes = optional(object({
      failure = optional(string)
      input   = optional(string)
      model   = optional(string)
      output  = optional(string)
    }))
    readers = optional(map(object({
      principal_arns = set(string)
      reads          = optional(set(string))
    })))
    shared = optional(object({ # output shared of module storage, in place of all other fields
      bucket_arn     = string
      bucket_name    = string
      endpoint_names = set(string)
      kms_key_arn    = string
      prefixes = object({
        failure = string
        input   = string
        model   = string
        output  = string
      })
      topic_arns = list(string)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.storage.shared == null || alltrue([for field, value in var.storage : value == null if field != "shared"])
    error_message = "Shared storage is configured where it is made: move the fields beside storage.shared to that call of module storage."
  }

  validation {
    condition = var.storage.shared == null || anytrue([
      for pattern in try(var.storage.shared.endpoint_names, []) : can(regex("^${replace(pattern, "*", ".*")}$", "${var.name}-${var.environment}"))
    ])
    error_message = "Add \"${var.name}-${var.environment}\", or a pattern such as \"*-${var.environment}\", to endpoint_names of the shared storage (now ${join(", ", try(var.storage.shared.endpoint_names, []))}): its key would refuse this endpoint's notifications and logs."
  }

  validation {
    condition     = var.storage.shared == null || length(setsubtract([for topic in values(var.notifications.topics) : topic.arn if topic != null], try(var.storage.shared.topic_arns, []))) == 0
    error_message = "Add the topics of notifications.topics to topic_arns of the shared storage: its key would refuse what they deliver."
  }
}
