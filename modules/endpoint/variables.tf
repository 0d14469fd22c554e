# Terraform below 1.12 evaluates both sides of || and &&: a right side that fails on null is wrapped in try(…, false).

variable "alarm_names" {
  description = "Names of CloudWatch alarms by the key that guardrails.rollback_on uses, such as { server_errors = [\"shop-prod-primary-server-errors\"] }: output alarm_names of module monitoring, or alarms of your own."
  type        = map(list(string))
  default     = {}
  nullable    = false
}

variable "endpoint_config" {
  description = <<-TEXT
    The endpoint configuration to serve with: endpoint_config = module.endpoint_config passes all of it. Several endpoints may share one.
    - `kind`: How requests are answered: async, real_time or serverless.
    - `name`: Name of the endpoint configuration.
    - `variants`: Production and shadow variants, by name.
    - `variants.*.concurrency`: Concurrent requests of a serverless variant: the upper limit of its provisioned concurrency.
    - `variants.*.gpus`: GPUs of the instance type.
    - `variants.*.initial_instances`: Instances at creation and after every update.
    - `variants.*.instance_type`: SageMaker instance type, such as ml.m5.xlarge; null for a serverless variant.
    - `variants.*.provisioned_concurrency`: Provisioned concurrency of a serverless variant; null where it has none.
    - `variants.*.shadow`: Whether the variant receives copies of requests and its responses are discarded.
    - `variants.*.vcpus`: Virtual CPUs of the instance type; null where they are not known.
  TEXT
  type = object({
    kind = string
    name = string
    variants = map(object({
      concurrency             = optional(number)
      gpus                    = optional(number)
      initial_instances       = optional(number)
      instance_type           = optional(string)
      provisioned_concurrency = optional(number)
      shadow                  = optional(bool, false)
      vcpus                   = optional(number)
    }))
  })
  nullable = false

  validation {
    condition     = contains(["async", "real_time", "serverless"], var.endpoint_config.kind)
    error_message = "Field endpoint_config.kind must be async, real_time or serverless; pass all outputs of module endpoint-config: endpoint_config = module.endpoint_config."
  }
}

variable "guardrails" {
  description = <<-TEXT
    Deployment guardrails: how an update shifts traffic to new instances, and which alarms roll it back. All traffic shifts at once unless canary, linear or rolling is given.
    - `canary`: Shift a first part of the traffic, wait, then shift the rest.
    - `canary.instances`: Instances of the first step: 1 to half of the new ones. Give this or percent.
    - `canary.percent`: Share of the instances in the first step: 1 to 50 percent.
    - `canary.wait_seconds`: Seconds to wait after each of the two steps: 0 to 3600.
    - `linear`: Shift traffic in equal steps.
    - `linear.instances`: Instances of each step: 1 to half of the new ones. Give this or percent.
    - `linear.percent`: Share of the instances in each step: 10 to 50 percent.
    - `linear.wait_seconds`: Seconds to wait after each step: 0 to 3600.
    - `maximum_seconds`: Time limit of the whole update: 600 to 14400 seconds. SageMaker's own limit applies when it is null.
    - `new_fleet_only`: Whether rollback_on names alarms on the new instances alone, keys new_fleet/KEY of alarm_names, so that old instances in trouble do not roll back their fix.
    - `rollback_on`: Keys of alarm_names: an update during which one of these alarms fires is rolled back. Up to 10 alarms.
    - `rolling`: Replace old instances by new ones in batches, without running both fleets in full.
    - `rolling.instances`: Instances of each batch: 1 to half of the new ones. Give this or percent.
    - `rolling.percent`: Share of the instances in each batch: 5 to 50 percent.
    - `rolling.rollback_instances`: Instances of each batch during a rollback. Give this or rollback_percent, or neither to roll back at once.
    - `rolling.rollback_percent`: Share of the instances in each batch during a rollback: 5 to 100 percent.
    - `rolling.wait_seconds`: Seconds to wait after each batch: 0 to 3600.
    - `termination_wait_seconds`: Seconds that old instances keep running after all traffic has shifted: 0 to 3600. Not used by rolling.
  TEXT
  type = object({
    canary = optional(object({
      instances    = optional(number)
      percent      = optional(number)
      wait_seconds = optional(number, 300)
    }))
    linear = optional(object({
      instances    = optional(number)
      percent      = optional(number)
      wait_seconds = optional(number, 300)
    }))
    maximum_seconds = optional(number)
    new_fleet_only  = optional(bool, false)
    rollback_on     = optional(set(string), [])
    rolling = optional(object({
      instances          = optional(number)
      percent            = optional(number)
      rollback_instances = optional(number)
      rollback_percent   = optional(number)
      wait_seconds       = optional(number, 300)
    }))
    termination_wait_seconds = optional(number, 300)
  })
  default  = {}
  nullable = false

  validation {
    condition     = length([for strategy in [var.guardrails.canary, var.guardrails.linear, var.guardrails.rolling] : true if strategy != null]) <= 1
    error_message = "Give at most one of guardrails.canary, guardrails.linear and guardrails.rolling; without any, all traffic shifts at once."
  }

  validation {
    condition = var.endpoint_config.kind != "serverless" || (
      var.guardrails.canary == null && var.guardrails.linear == null && var.guardrails.rolling == null && length(var.guardrails.rollback_on) == 0
    )
    error_message = "Remove canary, linear, rolling and rollback_on from guardrails: SageMaker has deployment guardrails for asynchronous and real-time endpoints only."
  }

  validation {
    condition = alltrue([for variant in var.endpoint_config.variants : !startswith(coalesce(variant.instance_type, "none"), "ml.inf1.")]) || (
      var.guardrails.canary == null && var.guardrails.linear == null && var.guardrails.rolling == null && length(var.guardrails.rollback_on) == 0
    )
    error_message = "Remove canary, linear, rolling and rollback_on from guardrails: SageMaker has no deployment guardrails for Inf1 instances and updates them all at once."
  }

  validation {
    condition     = var.guardrails.rolling == null || length(var.endpoint_config.variants) == 1
    error_message = "Use guardrails.canary or guardrails.linear: SageMaker has no rolling updates for endpoints with several variants."
  }

  validation {
    condition = alltrue([for variant in var.endpoint_config.variants : coalesce(variant.initial_instances, 2) >= 2]) || (
      var.guardrails.canary == null && var.guardrails.linear == null && var.guardrails.rolling == null
    )
    error_message = "Set initial_instances of each variant to 2 or more, or remove canary, linear and rolling from guardrails: a step takes at most half of the new instances, and a single instance cannot be halved."
  }

  validation {
    condition = alltrue([
      for strategy in [var.guardrails.canary, var.guardrails.linear, var.guardrails.rolling] : strategy == null || try((strategy.instances == null) != (strategy.percent == null), false)
    ])
    error_message = "Give exactly one of instances and percent in guardrails.canary, guardrails.linear or guardrails.rolling: the size of a step is a number of instances or a share of them."
  }

  validation {
    condition = alltrue(flatten([
      for strategy in [var.guardrails.canary, var.guardrails.linear, var.guardrails.rolling] : [
        for variant in var.endpoint_config.variants : try(strategy.instances, null) == null || try(strategy.instances >= 1 && strategy.instances <= coalesce(variant.initial_instances, 0) / 2, false)
      ]
    ]))
    error_message = "Field instances of guardrails.canary, guardrails.linear or guardrails.rolling must be from 1 to half the initial_instances of each variant: SageMaker rejects a larger step."
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
    error_message = "Give at most one of rollback_instances (1 or more) and rollback_percent (from 5 to 100) in guardrails.rolling; without either, a rollback replaces all instances at once."
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
    condition = alltrue(flatten([
      for strategy in [var.guardrails.canary, var.guardrails.linear, var.guardrails.rolling] : [
        for variant in var.endpoint_config.variants : try(strategy.percent * coalesce(variant.initial_instances, 100) >= 100, true)
      ]
    ]))
    error_message = "Raise percent of guardrails.canary, guardrails.linear or guardrails.rolling, or initial_instances: the step is less than one of the initial_instances, and SageMaker shifts whole instances."
  }

  validation {
    condition     = alltrue([for key in var.guardrails.rollback_on : length(lookup(var.alarm_names, "${var.guardrails.new_fleet_only ? "new_fleet/" : ""}${key}", [])) > 0])
    error_message = "Remove ${join(", ", [for key in var.guardrails.rollback_on : key if length(lookup(var.alarm_names, "${var.guardrails.new_fleet_only ? "new_fleet/" : ""}${key}", [])) == 0])} from guardrails.rollback_on, or enable it: this endpoint has no such alarm${var.guardrails.new_fleet_only ? " on its new instances" : ""}, so it would never roll an update back. Its alarms are ${join(", ", keys(var.alarm_names))}."
  }

  validation {
    condition     = length(flatten([for key in var.guardrails.rollback_on : lookup(var.alarm_names, "${var.guardrails.new_fleet_only ? "new_fleet/" : ""}${key}", [])])) <= 10
    error_message = "Field guardrails.rollback_on may name up to 10 alarms; one on a metric of variants counts once for each production variant."
  }
}

variable "logs" {
  description = <<-TEXT
    The log group of the containers.
    - `kms_key_arn`: ARN of the KMS key that encrypts the log group; its policy must admit logs.<region>.amazonaws.com. CloudWatch Logs uses a key of its own when it is null.
    - `retention_days`: Days to keep log events, one of the periods that CloudWatch Logs offers.
  TEXT
  type = object({
    kms_key_arn    = optional(string)
    retention_days = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.logs.retention_days)
    error_message = "Field logs.retention_days must be a period that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }

  validation {
    condition     = var.logs.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.logs.kms_key_arn))
    error_message = "Field logs.kms_key_arn must be the full ARN of a key (arn:aws:kms:region:account:key/id): CloudWatch Logs accepts neither an alias nor a key id."
  }
}

variable "name" {
  description = "Name of the endpoint: 1 to 63 letters, digits and hyphens. Updates keep it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", var.name)) && length(var.name) <= 63
    error_message = "Variable name must be 1 to 63 letters, digits and hyphens that neither begin nor end with a hyphen."
  }
}

# Application Auto Scaling documents [[:print:]] for names of policies, and no control character, colon, slash or bar for those of
# scheduled actions; Amazon CloudWatch 1 to 255 characters for those of alarms (service models of botocore 1.44.5).
variable "names" {
  description = <<-TEXT
    Names of scaling by variant, for an endpoint that exists with others: imported under them, nothing is replaced. Names are derived from the endpoint's where they are not given.
    - `*.scheduled_actions`: Names of scheduled actions, by schedule.
    - `*.tracking_policies`: Names of the target tracking policies, by target without target_, such as backlog_per_instance.
    - `*.wake_alarm`: Name of the alarm that starts the first instance.
    - `*.wake_policy`: Name of the step scaling policy that starts the first instance.
  TEXT
  type = map(object({
    scheduled_actions = optional(map(string), {})
    tracking_policies = optional(map(string), {})
    wake_alarm        = optional(string)
    wake_policy       = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for variant in keys(var.names) : contains(keys(var.endpoint_config.variants), variant)])
    error_message = "Each key of names must be the name of a variant of endpoint_config (${join(", ", keys(var.endpoint_config.variants))})."
  }

  validation {
    condition = alltrue(flatten([
      for variant, names in var.names : [for schedule in keys(names.scheduled_actions) : contains(keys(try(var.scaling[variant].schedules, {})), schedule)]
    ]))
    error_message = "Each key of names.*.scheduled_actions must be one of the variant's schedules in scaling: a name alone creates no scheduled action."
  }

  validation {
    condition     = alltrue(flatten([for variant, names in var.names : [for target in keys(names.tracking_policies) : try(var.scaling[variant]["target_${target}"] != null, false)]]))
    error_message = "Each key of names.*.tracking_policies must be a target that the variant has in scaling, without target_, such as backlog_per_instance."
  }

  validation {
    condition = alltrue(flatten([
      for names in var.names : [for name in concat(values(names.tracking_policies), names.wake_policy[*]) : can(regex("^[[:print:]]{1,256}$", name))]
    ]))
    error_message = "Names of scaling policies in names must be 1 to 256 printable characters."
  }

  validation {
    condition = alltrue([
      for names in var.names : length(distinct(concat(values(names.tracking_policies), names.wake_policy[*]))) == length(concat(values(names.tracking_policies), names.wake_policy[*]))
    ])
    error_message = "Give each scaling policy of a variant in names a different name: a policy is put under its name, and the second would replace the first."
  }

  validation {
    condition     = alltrue(flatten([for names in var.names : [for name in values(names.scheduled_actions) : can(regex("^[^ :/|[:cntrl:]\\x{80}-\\x{9f}]([^:/|[:cntrl:]\\x{80}-\\x{9f}]{0,254}[^ :/|[:cntrl:]\\x{80}-\\x{9f}])?$", name))]]))
    error_message = "Names of scheduled actions in names must be 1 to 256 characters without colons, slashes, bars and control characters, and not begin or end with a space."
  }

  validation {
    condition     = alltrue([for names in var.names : names.wake_alarm == null || can(regex("^[^[:cntrl:]]{1,255}$", names.wake_alarm))])
    error_message = "Field wake_alarm in names must be 1 to 255 characters without control characters."
  }
}

variable "scaling" {
  description = <<-TEXT
    Automatic scaling, by variant name. Each target is held by a target tracking policy of its own; an asynchronous variant also has a step scaling policy that starts the first instance.
    - `*.max_instances`: Most instances, or the most provisioned concurrency of a serverless variant.
    - `*.min_instances`: Fewest instances, or the least provisioned concurrency of a serverless variant. 0 scales an asynchronous variant to zero while idle; other kinds need 1 or more.
    - `*.scale_in_cooldown_seconds`: Cooldown after removing instances, in seconds.
    - `*.scale_out_cooldown_seconds`: Cooldown after adding instances, in seconds.
    - `*.schedules`: Scheduled actions that set other bounds, by name.
    - `*.schedules.*.end_time`: Time after which the schedule no longer runs, in RFC 3339.
    - `*.schedules.*.max_instances`: Most instances from then on.
    - `*.schedules.*.min_instances`: Fewest instances from then on.
    - `*.schedules.*.schedule`: When it runs: at(…), rate(…) or cron(…), such as cron(0 7 ? * MON-FRI *).
    - `*.schedules.*.start_time`: Time before which the schedule does not run, in RFC 3339.
    - `*.schedules.*.timezone`: Time zone of at(…) and cron(…), such as Europe/Berlin.
    - `*.target_backlog_per_instance`: Target for requests that wait or are in process, per instance. Asynchronous only.
    - `*.target_cpu_percent`: Target for CPU utilization, in percent of a whole instance: up to 100. Real-time only.
    - `*.target_gpu_percent`: Target for GPU utilization, in percent of a whole instance: up to 100. Real-time only.
    - `*.target_invocations_per_instance`: Target for invocations per instance and minute. Real-time only.
    - `*.target_provisioned_concurrency_utilization`: Target for the share of provisioned concurrency in use: up to 1. Serverless only.
    - `*.wake_cooldown_seconds`: Cooldown after starting the first instance, in seconds. Asynchronous only.
  TEXT
  type = map(object({
    max_instances              = number
    min_instances              = number
    scale_in_cooldown_seconds  = optional(number, 300)
    scale_out_cooldown_seconds = optional(number, 300)
    schedules = optional(map(object({
      end_time      = optional(string)
      max_instances = number
      min_instances = number
      schedule      = string
      start_time    = optional(string)
      timezone      = optional(string, "UTC")
    })), {})
    target_backlog_per_instance                = optional(number)
    target_cpu_percent                         = optional(number)
    target_gpu_percent                         = optional(number)
    target_invocations_per_instance            = optional(number)
    target_provisioned_concurrency_utilization = optional(number)
    wake_cooldown_seconds                      = optional(number, 300)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.scaling) : !try(var.endpoint_config.variants[name].shadow, true)])
    error_message = "Each key of scaling must be the name of a production variant of endpoint_config; a shadow variant keeps its initial instances."
  }

  validation {
    condition     = alltrue([for name in keys(var.scaling) : !can(regex("^ml\\.t[0-9]", var.endpoint_config.variants[name].instance_type))])
    error_message = "Remove variants on ml.t instances from scaling, or give them another instance_type: SageMaker does not scale burstable instances."
  }

  validation {
    condition = alltrue(flatten([
      for scaling in var.scaling : [for bounds in concat([scaling], values(scaling.schedules)) : bounds.max_instances >= bounds.min_instances]
    ]))
    error_message = "Each max_instances in scaling must be at least its min_instances, in schedules too."
  }

  validation {
    condition = alltrue(flatten([
      for scaling in var.scaling : [
        for bounds in concat([scaling], values(scaling.schedules)) :
        floor(bounds.max_instances) == bounds.max_instances && floor(bounds.min_instances) == bounds.min_instances && bounds.max_instances >= (var.endpoint_config.kind == "async" ? 0 : 1)
      ]
    ]))
    error_message = "Each max_instances and min_instances in scaling must be a whole number, and max_instances 1 or more; a schedule of an asynchronous variant may set both to 0."
  }

  validation {
    condition = alltrue([
      for name, scaling in var.scaling : try(
        coalesce(var.endpoint_config.variants[name].initial_instances, 1) <= max(scaling.max_instances, [for schedule in scaling.schedules : schedule.max_instances]...), true
      )
    ])
    error_message = "Lower initial_instances of each variant in scaling to its max_instances, or to the largest one of its schedules: the creation and every update would start more instances than scaling allows, and Application Auto Scaling would stop them at once."
  }

  validation {
    condition     = alltrue([for scaling in var.scaling : scaling.max_instances >= 1])
    error_message = "Each max_instances in scaling must be 1 or more: with 0, no request would ever be answered."
  }

  validation {
    condition = alltrue(flatten([
      for scaling in var.scaling : [for bounds in concat([scaling], values(scaling.schedules)) : bounds.min_instances >= (var.endpoint_config.kind == "async" ? 0 : 1)]
    ]))
    error_message = "Each min_instances in scaling must be 0 (scale to zero while idle) or more for an asynchronous endpoint, and 1 or more for others: their requests are not queued, so nothing could start an instance."
  }

  validation {
    condition     = alltrue([for scaling in var.scaling : anytrue([for field, target in scaling : target != null if startswith(field, "target_")])])
    error_message = "Give each variant in scaling a target, such as target_backlog_per_instance: without one only schedules change its instance count."
  }

  validation {
    condition     = var.endpoint_config.kind != "async" || alltrue([for scaling in var.scaling : alltrue([for field, target in scaling : target == null || field == "target_backlog_per_instance" if startswith(field, "target_")])])
    error_message = "Scale an asynchronous endpoint by target_backlog_per_instance alone: it publishes neither Invocations nor InvocationsPerInstance, and no utilization while it has no instance, so a policy on those would never act."
  }

  validation {
    condition = var.endpoint_config.kind != "real_time" || alltrue([
      for scaling in var.scaling : alltrue([
        for field, target in scaling : target == null || contains(["target_cpu_percent", "target_gpu_percent", "target_invocations_per_instance"], field) if startswith(field, "target_")
      ])
    ])
    error_message = "Scale a real-time endpoint by target_invocations_per_instance, target_cpu_percent or target_gpu_percent: it has neither a queue nor provisioned concurrency."
  }

  validation {
    condition = var.endpoint_config.kind != "serverless" || alltrue([
      for scaling in var.scaling : alltrue([for field, target in scaling : target == null || field == "target_provisioned_concurrency_utilization" if startswith(field, "target_")])
    ])
    error_message = "Scale a serverless endpoint by target_provisioned_concurrency_utilization alone: it has no instances."
  }

  validation {
    condition     = alltrue(flatten([for scaling in var.scaling : [for field, target in scaling : target == null || try(target > 0, false) if startswith(field, "target_")]]))
    error_message = "Each target_… field in scaling must be above 0."
  }

  validation {
    condition = alltrue([
      for scaling in var.scaling :
      coalesce(scaling.target_cpu_percent, 1) <= 100 && coalesce(scaling.target_gpu_percent, 1) <= 100 && coalesce(scaling.target_provisioned_concurrency_utilization, 1) <= 1
    ])
    error_message = "Fields target_cpu_percent and target_gpu_percent in scaling must be at most 100 (percent of a whole instance, however many cores or GPUs it has), and target_provisioned_concurrency_utilization at most 1."
  }

  validation {
    condition = alltrue([
      for name, scaling in var.scaling :
      (scaling.target_gpu_percent == null || try(var.endpoint_config.variants[name].gpus > 0, false))
      && (scaling.target_cpu_percent == null || try(var.endpoint_config.variants[name].vcpus > 0, false))
    ])
    error_message = "Remove target_gpu_percent from a variant whose instance type has no GPU, and target_cpu_percent where its number of CPUs is not known: the policy would see no value, or a wrong one."
  }

  validation {
    condition = var.endpoint_config.kind != "serverless" || alltrue(flatten([
      for name, scaling in var.scaling : [
        for bounds in concat([scaling], values(scaling.schedules)) : try(bounds.max_instances <= var.endpoint_config.variants[name].concurrency, false)
      ]
    ]))
    error_message = "Each max_instances of a serverless variant in scaling must be at most its max_concurrency (module endpoint-config), which includes provisioned concurrency."
  }

  validation {
    condition     = var.endpoint_config.kind != "serverless" || alltrue([for name in keys(var.scaling) : try(var.endpoint_config.variants[name].provisioned_concurrency > 0, false)])
    error_message = "Give a serverless variant in scaling provisioned_concurrency (module endpoint-config), or remove it from scaling: SageMaker scales on-demand concurrency itself."
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
    error_message = "Field schedule in schedules of scaling must be at(yyyy-mm-ddThh:mm:ss), rate(number unit) or cron(minutes hours day-of-month month day-of-week year), such as cron(0 7 ? * MON-FRI *)."
  }
}

variable "tags" {
  description = "Tags of the endpoint, its log group, scalable targets and wake alarm, beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
