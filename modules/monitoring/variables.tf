variable "endpoint" {
  description = <<-TEXT
    The endpoint to monitor. Its name suffices, so that alarms can exist before the endpoint whose guardrails use them.
    - `invocation_timeout_seconds`: Longest time of one invocation, which model_latency is measured against; 300 (async) or 60 seconds when it is null.
    - `kind`: How requests are answered, output kind of module endpoint-config: async, real_time or serverless.
    - `name`: Name of the endpoint.
    - `new_fleet`: Further alarms on the instances of one configuration alone, for guardrails that must not judge the old ones; none when it is null.
    - `new_fleet.alarms`: Names of the alarms that exist for these instances too: those on errors, latency or failures.
    - `new_fleet.config_name`: Name of the endpoint configuration.
    - `variants`: Variants by name, output variants of module endpoint-config.
    - `variants.*.gpus`: GPUs of the instance type.
    - `variants.*.instance_type`: SageMaker instance type; null for a serverless variant.
    - `variants.*.shadow`: Whether it is a shadow variant, which gets no alarms.
    - `variants.*.vcpus`: Virtual CPUs of the instance type; null where they are not known.
  TEXT
  type = object({
    invocation_timeout_seconds = optional(number)
    kind                       = string
    name                       = string
    new_fleet = optional(object({
      alarms      = set(string)
      config_name = string
    }))
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
    error_message = "Field endpoint.kind must be async, real_time or serverless, the output kind of module endpoint-config."
  }
}

variable "monitoring" {
  description = <<-TEXT
    What alarms do, settings of the alarms in alarms.tf, alarms of your own, and the dashboard.
    - `actions`: What alarms do, up to five ARNs per state.
    - `actions.alarm`: ARNs notified when an alarm fires, usually of SNS topics.
    - `actions.insufficient_data`: ARNs notified when an alarm has too little data.
    - `actions.ok`: ARNs notified when an alarm recovers.
    - `alarms`: Settings of an alarm, by its name in alarms.tf, such as backlog or model_latency.
    - `alarms.*.actions`: ARNs notified when it fires, instead of actions.alarm.
    - `alarms.*.datapoints_to_alarm`: Breaching periods out of evaluation_periods that fire it; all of them when it is null.
    - `alarms.*.enabled`: Whether to create the alarm.
    - `alarms.*.evaluation_periods`: Periods to evaluate; with period_seconds at most one day.
    - `alarms.*.missing_data`: How periods without data count: breaching, ignore, missing or notBreaching. notBreaching when it is null, because an idle endpoint publishes nothing.
    - `alarms.*.period_seconds`: Length of a period in seconds, a multiple of 60; 60 when it is null.
    - `alarms.*.statistic`: Statistic: Average, Maximum, Minimum, SampleCount, Sum or a percentile such as p99.
    - `alarms.*.threshold`: Value from which a period breaches, in the metric's unit; the defaults are in modules/monitoring/alarms.tf; for cpu, gpu and gpu_memory in percent of a whole instance.
    - `dashboard`: Whether to create a dashboard of the endpoint, with its alarms at the top.
    - `extra_alarms`: Alarms of your own on metrics that the endpoint publishes, by name; one for each production variant where the metric is per variant.
    - `extra_alarms.*.comparison_operator`: How the metric is compared: GreaterThanOrEqualToThreshold, GreaterThanThreshold, LessThanOrEqualToThreshold or LessThanThreshold.
    - `extra_alarms.*.evaluation_periods`: Periods of 60 seconds that must breach.
    - `extra_alarms.*.metric`: Name of the metric, such as TimeInBacklog.
    - `extra_alarms.*.statistic`: Statistic: Average, Maximum, Minimum, SampleCount, Sum or a percentile such as p99.
    - `extra_alarms.*.threshold`: Value that the metric is compared with, in its unit.
  TEXT
  type = object({
    actions = optional(object({
      alarm             = optional(set(string), [])
      insufficient_data = optional(set(string), [])
      ok                = optional(set(string), [])
    }), {})
    alarms = optional(map(object({
      actions             = optional(set(string))
      datapoints_to_alarm = optional(number)
      enabled             = optional(bool, true)
      evaluation_periods  = optional(number)
      missing_data        = optional(string)
      period_seconds      = optional(number)
      statistic           = optional(string)
      threshold           = optional(number)
    })), {})
    dashboard = optional(bool, true)
    extra_alarms = optional(map(object({
      comparison_operator = optional(string, "GreaterThanOrEqualToThreshold")
      evaluation_periods  = optional(number, 5)
      metric              = string
      statistic           = string
      threshold           = number
    })), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for arn in flatten([for arns in var.monitoring.actions : tolist(arns)]) : can(regex("^arn:[a-z-]+:[a-z0-9-]+:", arn))])
    error_message = "Fields of monitoring.actions must hold ARNs, such as that of a topic: arn:aws:sns:region:account:name."
  }

  validation {
    condition     = alltrue([for arns in var.monitoring.actions : length(arns) <= 5])
    error_message = "Fields of monitoring.actions may hold up to five ARNs each, the most an alarm accepts."
  }

  validation {
    condition     = alltrue([for name in keys(var.monitoring.alarms) : contains(keys(local._default_alarms), name)])
    error_message = "Each key of monitoring.alarms must be one of ${join(", ", keys(local._default_alarms))}; alarms on other metrics go into monitoring.extra_alarms."
  }

  validation {
    condition     = alltrue([for name, alarm in var.monitoring.alarms : !alarm.enabled || try(contains(keys(local.published), local._default_alarms[name].metric), true)])
    error_message = "Remove from monitoring.alarms what endpoints of kind ${var.endpoint.kind} never publish: the alarm would never fire. They have ${join(", ", [for name, alarm in local._default_alarms : name if contains(keys(local.published), alarm.metric)])}."
  }

  validation {
    condition     = alltrue([for alarm in var.monitoring.alarms : alarm.statistic == null || can(regex("^(?:Average|Maximum|Minimum|SampleCount|Sum|p[0-9]{1,2}(?:\\.[0-9]+)?)$", alarm.statistic))])
    error_message = "Field statistic in monitoring.alarms must be Average, Maximum, Minimum, SampleCount, Sum or a percentile such as p99."
  }

  validation {
    condition     = alltrue([for alarm in var.monitoring.alarms : alarm.period_seconds == null || try(alarm.period_seconds >= 60 && alarm.period_seconds % 60 == 0, false)])
    error_message = "Field period_seconds in monitoring.alarms must be a multiple of 60: SageMaker publishes once a minute."
  }

  validation {
    condition = alltrue([
      for name, alarm in var.monitoring.alarms :
      coalesce(alarm.evaluation_periods, try(local._default_alarms[name].minutes, 1)) >= 1
      && coalesce(alarm.evaluation_periods, try(local._default_alarms[name].minutes, 1)) * coalesce(alarm.period_seconds, 60) <= 86400
    ])
    error_message = "Field evaluation_periods in monitoring.alarms must be 1 or more, and at most one day together with period_seconds: CloudWatch evaluates no more."
  }

  validation {
    condition = alltrue([
      for name, alarm in var.monitoring.alarms : alarm.datapoints_to_alarm == null || try(
        alarm.datapoints_to_alarm >= 1 && alarm.datapoints_to_alarm <= coalesce(alarm.evaluation_periods, try(local._default_alarms[name].minutes, 1)), false
      )
    ])
    error_message = "Field datapoints_to_alarm in monitoring.alarms must be from 1 to the alarm's evaluation_periods."
  }

  validation {
    condition     = alltrue([for alarm in var.monitoring.alarms : alarm.missing_data == null || contains(["breaching", "ignore", "missing", "notBreaching"], coalesce(alarm.missing_data, "none"))])
    error_message = "Field missing_data in monitoring.alarms must be breaching, ignore, missing or notBreaching."
  }

  validation {
    condition     = alltrue([for alarm in var.monitoring.extra_alarms : contains(keys(local.published), alarm.metric)])
    error_message = "Field metric in monitoring.extra_alarms must be one that endpoints of kind ${var.endpoint.kind} publish, or the alarm never fires: ${join(", ", keys(local.published))}."
  }

  validation {
    condition     = alltrue([for name in keys(var.monitoring.extra_alarms) : can(regex("^[a-z][a-z0-9_]*$", name)) && !contains(keys(local._default_alarms), name)])
    error_message = "Names in monitoring.extra_alarms must be lowercase letters, digits and underscores that begin with a letter, and differ from those in alarms.tf, whose settings go into monitoring.alarms."
  }

  validation {
    condition     = alltrue([for alarm in var.monitoring.extra_alarms : can(regex("^(?:Average|Maximum|Minimum|SampleCount|Sum|p[0-9]{1,2}(?:\\.[0-9]+)?)$", alarm.statistic))])
    error_message = "Field statistic in monitoring.extra_alarms must be Average, Maximum, Minimum, SampleCount, Sum or a percentile such as p99."
  }

  validation {
    condition = alltrue([
      for alarm in var.monitoring.extra_alarms : contains([
        "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanOrEqualToThreshold", "LessThanThreshold",
      ], alarm.comparison_operator)
    ])
    error_message = "Field comparison_operator in monitoring.extra_alarms must be GreaterThanOrEqualToThreshold, GreaterThanThreshold, LessThanOrEqualToThreshold or LessThanThreshold."
  }
}

variable "tags" {
  description = "Tags of the alarms, beside the provider's default_tags. Dashboards have none."
  type        = map(string)
  default     = {}
  nullable    = false
}
