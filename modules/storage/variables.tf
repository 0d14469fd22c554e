variable "access_logs" {
  description = "Where access to the bucket made here is logged, if anywhere: a bucket that accepts logs of logging.s3.amazonaws.com, and the prefix there, the name by default."
  type = object({
    destination = optional(object({
      bucket_name = string
      prefix      = optional(string)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.access_logs.destination == null || var.existing.bucket == null
    error_message = "Field access_logs.destination belongs to a bucket made here; logging of a bucket that is brought is its owner's."
  }
}

variable "endpoint_names" {
  description = "Endpoints that keep their data here, by name or pattern, such as *-dev for every endpoint of an environment; none means the one of this name. The key's policy admits topics and log groups named after them. With a pattern, adding or removing an endpoint changes nothing here."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.endpoint_names : can(regex("^[A-Za-z0-9*][A-Za-z0-9*-]{0,62}$", name)) && name != "*"])
    error_message = "Variable endpoint_names must hold names of endpoints, or patterns of letters, digits, hyphens and *, such as *-dev; * alone would admit every topic of the account."
  }
}

variable "existing" {
  description = "A bucket and a key that exist, each instead of one made here. Their policies, and the bucket's encryption, versions and expiry, stay their owner's; outputs bucket_policy_json and key_policy_json say what they need."
  type = object({
    bucket = optional(object({ # yours: its policy, encryption and lifecycle stay yours
      name = string
    }))
    key = optional(object({ # yours: its policy stays yours
      arn = string
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.existing.bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.existing.bucket.name))
    error_message = "Field existing.bucket.name must be the name of a bucket, without s3:// and without a key."
  }

  validation {
    condition     = var.existing.key == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.existing.key.arn))
    error_message = "Field existing.key.arn must be the full ARN of a key (arn:aws:kms:region:account:key/id), because an alias or an id does not say whose key it is."
  }
}

variable "expire_after_days" {
  description = "Days until objects under each prefix, and replaced or deleted versions of any object, are removed from a bucket made here. What is left out stays until it is deleted; {} makes no lifecycle rules at all."
  type = object({
    capture    = optional(number) # below prefixes.capture
    failure    = optional(number)
    input      = optional(number)
    noncurrent = optional(number) # replaced and deleted versions
    output     = optional(number)
  })
  default  = { capture = 30, failure = 30, input = 30, noncurrent = 7, output = 30 }
  nullable = false

  validation {
    condition     = alltrue([for days in values(var.expire_after_days) : days >= 1 && floor(days) == days if days != null])
    error_message = "Every number in expire_after_days must be a whole number of days, 1 or more."
  }
}

variable "force_destroy" {
  description = "Whether destroying the bucket also deletes the objects in it."
  type        = bool
  default     = false
  nullable    = false
}

variable "key_deletion_window_days" {
  description = "Days during which a deleted key can still be restored."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.key_deletion_window_days >= 7 && var.key_deletion_window_days <= 30
    error_message = "Variable key_deletion_window_days must be from 7 to 30, the range AWS KMS accepts."
  }
}

variable "name" {
  description = "Name of the deployment; account and region are appended to it to name the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,33}[a-z0-9]$", var.name))
    error_message = "Variable name must be 3 to 35 lowercase letters, digits and hyphens, so that the bucket name made from it stays within 63 characters."
  }
}

variable "prefixes" {
  description = "Key prefixes by role. Captured requests of real-time endpoints go below capture, where it is given."
  type = object({
    capture = optional(string) # of data capture; none unless given
    failure = optional(string, "failure/")
    input   = optional(string, "input/")
    model   = optional(string, "model/")
    output  = optional(string, "output/")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for prefix in values(var.prefixes) : can(regex("^[A-Za-z0-9!_.*'()-][A-Za-z0-9!_.*'()/-]{0,510}/$", prefix)) && !strcontains(prefix, "//") if prefix != null])
    error_message = "Every prefix must end in a single slash and not begin with one, and be of letters, digits and !_.*'()- between slashes."
  }

  validation {
    condition = alltrue(flatten([
      for role, prefix in var.prefixes : [
        for other, longer in var.prefixes : !startswith(longer, prefix) if other != role && longer != null
      ] if prefix != null
    ]))
    error_message = "No prefix may be or contain another: outputs below the inputs would be taken for inputs, and failures below the outputs for outputs. Give each role a prefix beside the others."
  }
}

variable "readers" {
  description = "Who else may read, by a name of letters and digits: principals, such as a role or arn:aws:iam::account:root, and the roles of the prefixes they read. In their own account they need the same rights."
  type = map(object({
    principal_arns = set(string)
    reads          = optional(set(string), ["failure", "output"]) # roles of prefixes
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.readers) : can(regex("^[A-Za-z0-9]+$", name))])
    error_message = "Names of readers must be of letters and digits, the characters of a statement's id."
  }

  validation {
    condition = alltrue(flatten([
      for reader in var.readers : [for arn in reader.principal_arns : can(regex("^arn:[a-z-]+:(iam|sts)::[0-9]{12}:[^*]+$", arn))]
    ])) && alltrue([for reader in var.readers : length(reader.principal_arns) > 0])
    error_message = "Field principal_arns of readers must hold ARNs of accounts, roles or users, without a wildcard: it would open the bucket to everybody."
  }

  validation {
    condition     = alltrue([for reader in var.readers : length(reader.reads) > 0 && length(setsubtract(reader.reads, [for role, prefix in var.prefixes : role if prefix != null])) == 0])
    error_message = "Field reads of readers may hold roles of prefixes only: failure, input, model, output, and capture where it is given."
  }
}

variable "topic_arns" {
  description = "Topics beside those named after the deployment that deliver to queues encrypted with the key."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.topic_arns : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "Variable topic_arns must hold ARNs of standard topics, as arn:aws:sns:region:account:name."
  }
}
