variable "actions" {
  description = "ARNs of what an alarm does when it goes off, when all is well again, and when it has too few data: topics, mostly."
  type = object({
    alarm             = optional(set(string), []) # ARNs that are told when one goes off
    insufficient_data = optional(set(string), []) # ARNs that are told when one has nothing to judge
    ok                = optional(set(string), []) # ARNs that are told when one is over
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for arn in flatten([for arns in var.actions : tolist(arns)]) : can(regex("^arn:[a-z-]+:[a-z0-9-]+:", arn))])
    error_message = "Fields of actions must hold ARNs, such as that of a topic: arn:aws:sns:region:account:name."
  }

  validation {
    condition     = alltrue([for arns in var.actions : length(arns) <= 5])
    error_message = "Fields of actions may hold up to five ARNs each, as many as an alarm has."
  }
}

variable "alarms" {
  description = "What differs from the alarms of catalogue.tf, by alarm: whether it is made, threshold, statistic, periods. Thresholds of cpu, gpu and gpu_memory are percent of a whole instance."
  type = map(object({
    actions             = optional(set(string)) # ARNs in place of actions.alarm
    datapoints_to_alarm = optional(number)
    enabled             = optional(bool, true) # false: it is not made
    evaluation_periods  = optional(number)
    missing_data        = optional(string) # breaching, ignore, missing or notBreaching
    period_seconds      = optional(number)
    statistic           = optional(string)
    threshold           = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.alarms) : contains(keys(local._catalogue), name)])
    error_message = "Each name in alarms must be one of ${join(", ", keys(local._catalogue))}; for another metric there is extra_alarms."
  }

  validation {
    condition     = alltrue([for name, alarm in var.alarms : !alarm.enabled || try(contains(keys(local.published), local._catalogue[name].metric), true)])
    error_message = "Leave out of alarms what endpoints of kind ${var.endpoint.kind} never publish: the alarm would never go off. They have ${join(", ", [for name, alarm in local._catalogue : name if contains(keys(local.published), alarm.metric)])}."
  }

  validation {
    condition     = alltrue([for alarm in var.alarms : alarm.statistic == null || can(regex("^(?:Average|Maximum|Minimum|SampleCount|Sum|p[0-9]{1,2}(?:\\.[0-9]+)?)$", alarm.statistic))])
    error_message = "Field statistic of alarms must be Average, Maximum, Minimum, SampleCount, Sum or a percentile such as p99."
  }

  validation {
    condition     = alltrue([for alarm in var.alarms : alarm.period_seconds == null || try(alarm.period_seconds >= 60 && alarm.period_seconds % 60 == 0, false)])
    error_message = "Field period_seconds of alarms must be a multiple of 60: SageMaker publishes each minute."
  }

  validation {
    condition = alltrue([
      for name, alarm in var.alarms :
      coalesce(alarm.evaluation_periods, try(local._catalogue[name].minutes, 1)) >= 1
      && coalesce(alarm.evaluation_periods, try(local._catalogue[name].minutes, 1)) * coalesce(alarm.period_seconds, 60) <= 86400
    ])
    error_message = "Field evaluation_periods of alarms must be 1 or more, and with period_seconds make up a day at most: Amazon CloudWatch looks no further back."
  }

  validation {
    condition = alltrue([
      for name, alarm in var.alarms : alarm.datapoints_to_alarm == null || try(
        alarm.datapoints_to_alarm >= 1 && alarm.datapoints_to_alarm <= coalesce(alarm.evaluation_periods, try(local._catalogue[name].minutes, 1)), false
      )
    ])
    error_message = "Field datapoints_to_alarm of alarms must be from 1 to the alarm's evaluation_periods."
  }

  validation {
    condition     = alltrue([for alarm in var.alarms : alarm.missing_data == null || contains(["breaching", "ignore", "missing", "notBreaching"], coalesce(alarm.missing_data, "none"))])
    error_message = "Field missing_data of alarms must be breaching, ignore, missing or notBreaching."
  }
}

variable "dashboard" {
  description = "Whether to make a dashboard of the endpoint, with its alarms on top."
  type        = bool
  default     = true
  nullable    = false
}

variable "endpoint" {
  description = "The endpoint that is watched: its name, and kind and variants as module endpoint-config puts them out. The name is enough, so that alarms can be there before the endpoint, whose guardrails use them."
  type = object({
    kind = string
    name = string
    variants = map(object({
      gpus          = optional(number)
      instance_type = optional(string)
      shadow        = optional(bool, false)
      vcpus         = optional(number)
    }))
  })
  nullable = false

  validation {
    condition     = contains(["async", "real_time", "serverless"], var.endpoint.kind)
    error_message = "Field endpoint.kind must be async, real_time or serverless, as module endpoint-config puts it out."
  }
}

variable "extra_alarms" {
  description = "Alarms of your own on what the endpoint publishes, by name. One on a metric of variants is made for each production variant."
  type = map(object({
    comparison_operator = optional(string, "GreaterThanOrEqualToThreshold")
    evaluation_periods  = optional(number, 5)
    metric              = string
    statistic           = string
    threshold           = number
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for alarm in var.extra_alarms : contains(keys(local.published), alarm.metric)])
    error_message = "Field metric of extra_alarms must be one that endpoints of kind ${var.endpoint.kind} publish, or the alarm never goes off: ${join(", ", keys(local.published))}."
  }

  validation {
    condition     = alltrue([for name in keys(var.extra_alarms) : can(regex("^[a-z][a-z0-9_]*$", name)) && !contains(keys(local._catalogue), name)])
    error_message = "Names in extra_alarms must be lowercase letters, digits and underscores that begin with a letter, and none of catalogue.tf, which alarms changes."
  }

  validation {
    condition     = alltrue([for alarm in var.extra_alarms : can(regex("^(?:Average|Maximum|Minimum|SampleCount|Sum|p[0-9]{1,2}(?:\\.[0-9]+)?)$", alarm.statistic))])
    error_message = "Field statistic of extra_alarms must be Average, Maximum, Minimum, SampleCount, Sum or a percentile such as p99."
  }

  validation {
    condition = alltrue([
      for alarm in var.extra_alarms : contains([
        "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanOrEqualToThreshold", "LessThanThreshold",
      ], alarm.comparison_operator)
    ])
    error_message = "Field comparison_operator of extra_alarms must be GreaterThanOrEqualToThreshold, GreaterThanThreshold, LessThanOrEqualToThreshold or LessThanThreshold."
  }
}
