# Shapes only: defaults, rules and descriptions of single fields are those of modules/async-inference.

variable "access" {
  description = "Who may invoke, collect and deploy: managed policies, and a role for workflows of GitHub."
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
  description = "The endpoint's variant, its logs, and how long a request may wait."
  type = object({
    core_dump_uri                  = optional(string)
    enable_ssm_access              = optional(bool)
    inference_ami_version          = optional(string)
    initial_instances              = optional(number)
    instance_type                  = optional(string)
    max_concurrent_invocations     = optional(number)
    model_download_timeout_seconds = optional(number)
    request_ttl_seconds            = optional(number)
    startup_timeout_seconds        = optional(number)
    volume_size_gb                 = optional(number)
  })
  default  = {}
  nullable = false
}

variable "environment" {
  description = "Name of the environment. Part of every name."
  type        = string
  nullable    = false
}

variable "guardrails" {
  description = "How an update moves requests to new instances, and which alarms take it back."
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
    rollback_on     = optional(set(string))
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
}

variable "logs" {
  description = "Encryption and retention of the containers' logs."
  type = object({
    kms_key_arn    = optional(string)
    retention_days = optional(number)
  })
  default  = {}
  nullable = false
}

variable "model" {
  description = "The containers, their isolation and the execution role."
  type = object({
    containers = list(object({
      archive = optional(object({
        kms_key_arn    = optional(string)
        path           = optional(string)
        record_version = optional(bool)
        s3_uri         = optional(string)
      }))
      data_source = optional(object({
        accept_eula = optional(bool)
        kms_key_arn = optional(string)
        s3_uri      = string
      }))
      environment = optional(map(string))
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
      }))
    }))
    invocation        = optional(string)
    network_isolation = optional(bool)
    role = optional(object({
      existing = optional(object({
        arn = string
      }))
      path                     = optional(string)
      permissions_boundary_arn = optional(string)
    }))
  })
  nullable = false
}

variable "monitoring" {
  description = "What alarms do, what differs from those there are, own alarms, and whether to make a dashboard."
  type = object({
    actions = optional(object({
      alarm             = optional(set(string))
      insufficient_data = optional(set(string))
      ok                = optional(set(string))
    }))
    alarms = optional(map(object({
      actions             = optional(set(string))
      datapoints_to_alarm = optional(number)
      enabled             = optional(bool)
      evaluation_periods  = optional(number)
      missing_data        = optional(string)
      period_seconds      = optional(number)
      statistic           = optional(string)
      threshold           = optional(number)
    })))
    dashboard = optional(bool)
    extra_alarms = optional(map(object({
      comparison_operator = optional(string)
      evaluation_periods  = optional(number)
      metric              = string
      statistic           = string
      threshold           = number
    })))
  })
  default  = {}
  nullable = false
}

variable "name" {
  description = "Name of what is deployed. With the environment it names everything."
  type        = string
  nullable    = false
}

variable "network" {
  description = "Subnets and security groups of the containers."
  type = object({
    security_group_ids = optional(list(string))
    subnet_ids         = optional(list(string))
  })
  default  = {}
  nullable = false
}

variable "notifications" {
  description = "Which notifications carry responses, topics, who else is told, and the queue that receives everything."
  type = object({
    include_response_in  = optional(set(string))
    max_receives         = optional(number)
    raw_message_delivery = optional(bool)
    restrict_publishers  = optional(bool)
    retention_days       = optional(number)
    subscriptions = optional(map(object({
      endpoint             = string
      filter_policy        = optional(string)
      outcomes             = optional(set(string))
      protocol             = string
      raw_message_delivery = optional(bool)
    })))
    topics = optional(object({
      error = optional(object({
        arn         = string
        kms_key_arn = optional(string)
      }))
      success = optional(object({
        arn         = string
        kms_key_arn = optional(string)
      }))
    }))
    visibility_timeout_seconds = optional(number)
  })
  default  = {}
  nullable = false
}

variable "region" {
  description = "AWS region of everything."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}

variable "scaling" {
  description = "Bounds of the instance count, backlog per instance, cooldowns and schedules."
  type = object({
    max_instances              = optional(number)
    min_instances              = optional(number)
    scale_in_cooldown_seconds  = optional(number)
    scale_out_cooldown_seconds = optional(number)
    schedules = optional(map(object({
      end_time      = optional(string)
      max_instances = number
      min_instances = number
      schedule      = string
      start_time    = optional(string)
      timezone      = optional(string)
    })))
    target_backlog_per_instance = optional(number)
    wake_cooldown_seconds       = optional(number)
  })
  default  = {}
  nullable = false
}

variable "storage" {
  description = "Bucket, key, prefixes, readers, expiry, and what destroying deletes."
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
  })
  default  = {}
  nullable = false
}

variable "tags" {
  description = "Tags of everything, beside environment and managed-by."
  type        = map(string)
  default     = {}
  nullable    = false
}
