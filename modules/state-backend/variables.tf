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

variable "key_prefixes" {
  description = "Prefixes of state keys to generate policies for, such as async-endpoint/dev/, so that a deployer of dev cannot read the state of prod."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for prefix in var.key_prefixes : can(regex("^[A-Za-z0-9][A-Za-z0-9/_.-]*/$", prefix))])
    error_message = "Every prefix in key_prefixes must be a path that ends in a slash, such as async-endpoint/dev/, without wildcards."
  }
}

variable "tags" {
  description = "Tags of the bucket and its key, beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
