# Terraform below 1.12 looks at both sides of || and &&: what may be null on the right is in a try that says false.

variable "configuration" {
  description = "The outputs of module endpoint-config: what the endpoint serves with. Several endpoints may share one."
  type = object({
    kind = string                                # async, real_time or serverless
    name = string                                # of the endpoint configuration
    variants = map(object({                      # by name
      concurrency             = optional(number) # max_concurrency of a serverless variant
      gpus                    = optional(number) # of an instance of its type
      initial_instances       = optional(number) # what each update begins with
      instance_type           = optional(string)
      managed_scaling         = optional(bool, false) # true: SageMaker scales it by itself
      provisioned_concurrency = optional(number)      # of a serverless variant
      shadow                  = optional(bool, false) # true: it is sent copies, and its answers are dropped
      vcpus                   = optional(number)      # of an instance of its type
    }))
  })
  nullable = false

  validation {
    condition     = contains(["async", "real_time", "serverless"], var.configuration.kind)
    error_message = "Field configuration.kind must be async, real_time or serverless; pass the whole of module endpoint-config: configuration = module.configuration."
  }
}

variable "guardrails" {
  description = "How an update moves requests to new instances: all at once unless canary, linear or rolling is given. An alarm of rollback_alarms that goes off meanwhile takes the update back."
  type = object({
    canary = optional(object({             # some first, then all
      instances    = optional(number)      # of the first step
      percent      = optional(number)      # of the instances, in the first step: 1 to 50
      wait_seconds = optional(number, 300) # after each of the two
    }))
    linear = optional(object({             # in equal steps
      instances    = optional(number)      # of a step
      percent      = optional(number)      # of the instances, in a step: 10 to 50
      wait_seconds = optional(number, 300) # after each step
    }))
    maximum_seconds = optional(number)           # what the whole update may take: 600 to 14400
    rollback_alarms = optional(set(string), [])  # names of up to 10
    rolling = optional(object({                  # new instances in the place of old ones, batch by batch
      instances          = optional(number)      # of a batch
      percent            = optional(number)      # of the instances, in a batch: 5 to 50
      rollback_instances = optional(number)      # of a batch on the way back
      rollback_percent   = optional(number)      # of the instances, on the way back: 5 to 100
      wait_seconds       = optional(number, 300) # after each batch
    }))
    termination_wait_seconds = optional(number, 300) # how long old instances stay once all requests have moved; not with rolling
  })
  default  = {}
  nullable = false

  validation {
    condition     = length([for way in [var.guardrails.canary, var.guardrails.linear, var.guardrails.rolling] : true if way != null]) <= 1
    error_message = "Give at most one of guardrails.canary, guardrails.linear and guardrails.rolling; without any, all requests move at once."
  }

  validation {
    condition = var.configuration.kind != "serverless" || (
      var.guardrails.canary == null && var.guardrails.linear == null && var.guardrails.rolling == null && length(var.guardrails.rollback_alarms) == 0
    )
    error_message = "Leave out canary, linear, rolling and rollback_alarms of guardrails: SageMaker has guardrails for asynchronous and real-time endpoints only."
  }

  validation {
    condition = alltrue([for variant in var.configuration.variants : !startswith(coalesce(variant.instance_type, "none"), "ml.inf1.")]) || (
      var.guardrails.canary == null && var.guardrails.linear == null && var.guardrails.rolling == null && length(var.guardrails.rollback_alarms) == 0
    )
    error_message = "Leave out canary, linear, rolling and rollback_alarms of guardrails: SageMaker has no guardrails for Inf1 instances, and updates them all at once."
  }

  validation {
    condition     = var.guardrails.rolling == null || length(var.configuration.variants) == 1
    error_message = "Use guardrails.canary or guardrails.linear: SageMaker has no rolling updates for endpoints of several variants."
  }

  validation {
    condition = alltrue([for variant in var.configuration.variants : coalesce(variant.initial_instances, 2) >= 2]) || (
      var.guardrails.canary == null && var.guardrails.linear == null && var.guardrails.rolling == null
    )
    error_message = "Give each variant initial_instances = 2 or more, or leave out canary, linear and rolling of guardrails: a first step is at most half of the new instances, and one has no half."
  }

  validation {
    condition = alltrue([
      for way in [var.guardrails.canary, var.guardrails.linear, var.guardrails.rolling] : way == null || try((way.instances == null) != (way.percent == null), false)
    ])
    error_message = "Give exactly one of instances and percent in guardrails.canary, guardrails.linear or guardrails.rolling: how many instances a step takes, or which share."
  }

  validation {
    condition = alltrue(flatten([
      for way in [var.guardrails.canary, var.guardrails.linear, var.guardrails.rolling] : [
        for variant in var.configuration.variants : try(way.instances, null) == null || try(way.instances >= 1 && way.instances <= coalesce(variant.initial_instances, 0) / 2, false)
      ]
    ]))
    error_message = "Field instances of guardrails.canary, guardrails.linear or guardrails.rolling must be from 1 to half the initial_instances of each variant: SageMaker refuses a larger step."
  }

  validation {
    condition = (
      (try(var.guardrails.canary.percent, null) == null || try(var.guardrails.canary.percent >= 1 && var.guardrails.canary.percent <= 50, false))
      && (try(var.guardrails.linear.percent, null) == null || try(var.guardrails.linear.percent >= 10 && var.guardrails.linear.percent <= 50, false))
      && (try(var.guardrails.rolling.percent, null) == null || try(var.guardrails.rolling.percent >= 5 && var.guardrails.rolling.percent <= 50, false))
    )
    error_message = "Field percent must be from 1 to 50 in guardrails.canary, from 10 to 50 in guardrails.linear and from 5 to 50 in guardrails.rolling."
  }

  validation {
    condition = var.guardrails.rolling == null || try(
      (var.guardrails.rolling.rollback_instances == null || var.guardrails.rolling.rollback_percent == null)
      && coalesce(var.guardrails.rolling.rollback_instances, 1) >= 1
      && coalesce(var.guardrails.rolling.rollback_percent, 100) >= 5 && coalesce(var.guardrails.rolling.rollback_percent, 100) <= 100, false
    )
    error_message = "Give at most one of rollback_instances (1 or more) and rollback_percent (from 5 to 100) in guardrails.rolling; without either all instances go back at once."
  }

  validation {
    condition = alltrue([
      for seconds in [
        try(var.guardrails.canary.wait_seconds, 0), try(var.guardrails.linear.wait_seconds, 0), try(var.guardrails.rolling.wait_seconds, 0), var.guardrails.termination_wait_seconds,
      ] : seconds >= 0 && seconds <= 3600
    ])
    error_message = "Fields wait_seconds and termination_wait_seconds of guardrails must be from 0 to 3600 seconds."
  }

  validation {
    condition     = var.guardrails.maximum_seconds == null || try(var.guardrails.maximum_seconds >= 600 && var.guardrails.maximum_seconds <= 14400, false)
    error_message = "Field guardrails.maximum_seconds must be from 600 to 14400 seconds (4 hours)."
  }

  validation {
    condition     = length(var.guardrails.rollback_alarms) <= 10
    error_message = "Field guardrails.rollback_alarms may hold up to 10 names of alarms."
  }
}

variable "logs" {
  description = "Days to keep what containers log, and the key that encrypts it. The key's policy must let logs.<region>.amazonaws.com use it."
  type = object({
    kms_key_arn    = optional(string) # without one, a key of Amazon CloudWatch Logs
    retention_days = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.logs.retention_days)
    error_message = "Field logs.retention_days must be a retention Amazon CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }

  validation {
    condition     = var.logs.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.logs.kms_key_arn))
    error_message = "Field logs.kms_key_arn must be the full ARN of a key (arn:aws:kms:region:account:key/id), because Amazon CloudWatch Logs takes neither an alias nor an id."
  }
}

variable "name" {
  description = "Name of the endpoint. It does not change when the endpoint is updated."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", var.name)) && length(var.name) <= 63
    error_message = "Variable name must be 1 to 63 letters, digits and hyphens that neither begin nor end with a hyphen."
  }
}

variable "scaling" {
  description = "What scales, by variant name: bounds of its instance count (of its provisioned concurrency, where it is serverless), what it follows, seconds to rest after an activity, and schedules that set other bounds."
  type = map(object({
    max_capacity               = number
    min_capacity               = number # 0 sleeps when idle: asynchronous only
    scale_in_cooldown_seconds  = optional(number, 300)
    scale_out_cooldown_seconds = optional(number, 300)
    schedules = optional(map(object({ # by name
      end_time     = optional(string) # RFC 3339
      max_capacity = number
      min_capacity = number
      schedule     = string                  # at(…), rate(…) or cron(…)
      start_time   = optional(string)        # RFC 3339
      timezone     = optional(string, "UTC") # such as Europe/Berlin
    })), {})
    targets = object({                                       # what is held, each by a policy of its own
      backlog_per_instance                = optional(number) # requests that wait or are in process
      cpu_percent                         = optional(number) # of a whole instance: up to 100
      gpu_percent                         = optional(number) # of a whole instance: up to 100
      invocations_per_instance            = optional(number) # in a minute
      provisioned_concurrency_utilization = optional(number) # up to 1
    })
    wake_cooldown_seconds = optional(number, 300) # asynchronous only
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.scaling) : !try(var.configuration.variants[name].shadow, true)])
    error_message = "Each name in scaling must be that of a production variant of the configuration; a shadow has the instances it begins with."
  }

  validation {
    condition     = alltrue([for name in keys(var.scaling) : !try(var.configuration.variants[name].managed_scaling, false)])
    error_message = "Scale a variant either in scaling or by its managed_scaling, not by both: they would undo each other's work."
  }

  validation {
    condition     = alltrue([for name in keys(var.scaling) : !can(regex("^ml\\.t[0-9]", var.configuration.variants[name].instance_type))])
    error_message = "Leave variants on ml.t instances out of scaling, or give them another instance_type: SageMaker scales no burstable instances."
  }

  validation {
    condition = alltrue(flatten([
      for scaling in var.scaling : [for bounds in concat([scaling], values(scaling.schedules)) : bounds.max_capacity >= bounds.min_capacity]
    ]))
    error_message = "Each max_capacity in scaling must not be below its min_capacity, in schedules too."
  }

  validation {
    condition = alltrue(flatten([
      for scaling in var.scaling : [
        for bounds in concat([scaling], values(scaling.schedules)) :
        floor(bounds.max_capacity) == bounds.max_capacity && floor(bounds.min_capacity) == bounds.min_capacity && bounds.max_capacity >= (var.configuration.kind == "async" ? 0 : 1)
      ]
    ]))
    error_message = "Each max_capacity and min_capacity in scaling must be a whole number, and max_capacity 1 or more; a schedule of an asynchronous variant may set both to 0."
  }

  validation {
    condition     = alltrue([for scaling in var.scaling : scaling.max_capacity >= 1])
    error_message = "Each max_capacity in scaling must be 1 or more, or no request would ever be answered."
  }

  validation {
    condition = alltrue(flatten([
      for scaling in var.scaling : [for bounds in concat([scaling], values(scaling.schedules)) : bounds.min_capacity >= (var.configuration.kind == "async" ? 0 : 1)]
    ]))
    error_message = "Each min_capacity in scaling must be 0 (sleep when idle) or more for an asynchronous endpoint and 1 or more for others: their requests are not queued, so nothing could wake them."
  }

  validation {
    condition     = alltrue([for scaling in var.scaling : anytrue([for target in scaling.targets : target != null])])
    error_message = "Give each entry of scaling a target: without one nothing ever changes its capacity but a schedule."
  }

  validation {
    condition     = var.configuration.kind != "async" || alltrue([for scaling in var.scaling : alltrue([for name, target in scaling.targets : target == null || name == "backlog_per_instance"])])
    error_message = "Scale an asynchronous endpoint by targets.backlog_per_instance alone: it publishes neither Invocations nor InvocationsPerInstance, and with no instance no utilisation either, so a policy on them never acts."
  }

  validation {
    condition = var.configuration.kind != "real_time" || alltrue([
      for scaling in var.scaling : alltrue([for name, target in scaling.targets : target == null || contains(["cpu_percent", "gpu_percent", "invocations_per_instance"], name)])
    ])
    error_message = "Scale a real-time endpoint by targets.invocations_per_instance, cpu_percent or gpu_percent: it has neither a queue nor provisioned concurrency."
  }

  validation {
    condition = var.configuration.kind != "serverless" || alltrue([
      for scaling in var.scaling : alltrue([for name, target in scaling.targets : target == null || name == "provisioned_concurrency_utilization"])
    ])
    error_message = "Scale a serverless endpoint by targets.provisioned_concurrency_utilization alone: it has no instances."
  }

  validation {
    condition     = alltrue(flatten([for scaling in var.scaling : [for target in scaling.targets : target == null || try(target > 0, false)]]))
    error_message = "Each target in scaling must be above 0; backlog_per_instance is the number of requests one instance is left with."
  }

  validation {
    condition = alltrue([
      for scaling in var.scaling :
      coalesce(scaling.targets.cpu_percent, 1) <= 100 && coalesce(scaling.targets.gpu_percent, 1) <= 100 && coalesce(scaling.targets.provisioned_concurrency_utilization, 1) <= 1
    ])
    error_message = "Fields cpu_percent and gpu_percent of targets in scaling must be at most 100 percent of an instance, however many cores or GPUs it has, and provisioned_concurrency_utilization at most 1."
  }

  validation {
    condition = alltrue([
      for name, scaling in var.scaling :
      (scaling.targets.gpu_percent == null || try(var.configuration.variants[name].gpus > 0, false))
      && (scaling.targets.cpu_percent == null || try(var.configuration.variants[name].vcpus > 0, false))
    ])
    error_message = "Leave out targets.gpu_percent of a variant whose instance type has no GPU, and targets.cpu_percent where its cores are not known: the policy would never see a value, or a wrong one."
  }

  validation {
    condition = var.configuration.kind != "serverless" || alltrue(flatten([
      for name, scaling in var.scaling : [
        for bounds in concat([scaling], values(scaling.schedules)) : try(bounds.max_capacity <= var.configuration.variants[name].concurrency, false)
      ]
    ]))
    error_message = "Each max_capacity of a serverless variant in scaling must be at most its max_concurrency (module endpoint-config), of which provisioned concurrency is a part."
  }

  validation {
    condition     = var.configuration.kind != "serverless" || alltrue([for name in keys(var.scaling) : try(var.configuration.variants[name].provisioned_concurrency > 0, false)])
    error_message = "Give a serverless variant provisioned_concurrency to scale, or leave it out of scaling: without it SageMaker scales it by itself."
  }

  validation {
    condition     = alltrue([for scaling in var.scaling : min(scaling.scale_in_cooldown_seconds, scaling.scale_out_cooldown_seconds, scaling.wake_cooldown_seconds) >= 0])
    error_message = "Every cooldown in scaling must be 0 seconds or more."
  }

  validation {
    condition = alltrue(flatten([
      for scaling in var.scaling : [
        for schedule in scaling.schedules : can(regex("^(?:at\\(.+\\)|rate\\([0-9]+ (?:minute|hour|day)s?\\)|cron\\(\\S+(?: \\S+){5}\\))$", schedule.schedule))
      ]
    ]))
    error_message = "Field schedule in schedules of scaling must be at(yyyy-mm-ddThh:mm:ss), rate(number unit) or cron(minutes hours day-of-month month day-of-week year), as cron(0 7 ? * MON-FRI *)."
  }
}
