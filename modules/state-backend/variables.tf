variable "bucket" {
  description = "Name of the bucket: 3 to 63 lowercase letters, digits and hyphens; empty gives terraform-state-<account>-<region>."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.bucket == "" || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "Variable bucket must be 3 to 63 lowercase letters, digits and hyphens that begin and end with a letter or digit."
  }
}

variable "create_key" {
  description = "Whether to create a KMS key for the bucket. Otherwise Amazon S3's own keys encrypt, free of charge but without control over their use."
  type        = bool
  default     = true
  nullable    = false
}

variable "environments" {
  description = "Environments to generate policies for, such as dev, so that a deployer of dev cannot read the state of prod."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.environments : can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]*$", name))])
    error_message = "Every name in environments must be that of a folder of envs/: letters, digits, hyphens, underscores and dots, without wildcards."
  }
}

variable "keep_days" {
  description = "Days to keep replaced versions of a state: 1 or more. The current version is never removed."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.keep_days >= 1 && floor(var.keep_days) == var.keep_days
    error_message = "Variable keep_days must be a whole number of days, 1 or more."
  }
}

variable "keep_plans_days" {
  description = "Days to keep plans that wait for an approval, below plans/: 1 or more. They hold secrets, and are stale once anything else is applied."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.keep_plans_days >= 1 && floor(var.keep_plans_days) == var.keep_plans_days
    error_message = "Variable keep_plans_days must be a whole number of days, 1 or more."
  }
}

variable "tags" {
  description = "Tags of the bucket and its key, beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
