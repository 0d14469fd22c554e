variable "configuration" {
  description = "The outputs of module configuration: what the endpoint serves with. Several endpoints may share one."
  type = object({
    kind = string
    name = string
    variants = map(object({
      concurrency       = optional(number)
      gpus              = optional(number)
      initial_instances = optional(number)
      instance_type     = optional(string)
      managed_scaling   = optional(bool, false)
      shadow            = optional(bool, false)
      vcpus             = optional(number)
    }))
  })
  nullable = false
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

variable "name" {
  description = "Name of the endpoint. It does not change when the endpoint is updated."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,34}[a-zA-Z0-9]$", var.name))
    error_message = "Variable name must be 2 to 36 letters, digits and hyphens, so that names of endpoint configurations made from it stay within 63 characters."
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
