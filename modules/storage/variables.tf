variable "endpoint_names" {
  description = "Endpoints that store their data here, by name or pattern, such as *-dev for every endpoint of an environment; empty admits the endpoint called name. The key's policy admits topics and log groups named after them. With a pattern, adding or removing an endpoint changes nothing here."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.endpoint_names : can(regex("^[A-Za-z0-9*][A-Za-z0-9*-]{0,62}$", name)) && name != "*"])
    error_message = "Variable endpoint_names must hold names of endpoints, or patterns of letters, digits, hyphens and *, such as *-dev; * alone would admit every topic of the account."
  }
}

variable "name" {
  description = "Name of the deployment, to which account and region are appended to name the bucket: 3 to 35 lowercase letters, digits and hyphens."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,33}[a-z0-9]$", var.name))
    error_message = "Variable name must be 3 to 35 lowercase letters, digits and hyphens, so that the generated bucket name stays within 63 characters."
  }
}

variable "names" {
  description = <<-TEXT
    Names of resources that exist and are imported, instead of those derived from name.
    - `bucket`: Name of the bucket, whose contents and tags stay; state in storage.bucket_settings which of its settings are managed here.
  TEXT
  type = object({
    bucket = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.names.bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.names.bucket))
    error_message = "Field names.bucket must be the name of a bucket: 3 to 63 lowercase letters, digits, dots and hyphens, without s3:// and without a key."
  }

  validation {
    condition     = var.names.bucket == null || var.storage.existing.bucket == null
    error_message = "Give names.bucket, for a bucket that is imported and belongs to this deployment from then on, or storage.existing.bucket, for one that stays its owner's."
  }

  validation {
    condition     = var.names.bucket == null || !var.storage.force_destroy
    error_message = "Remove storage.force_destroy: the bucket of names.bucket existed before, and destroying it would delete what others keep there."
  }

  validation {
    condition     = var.names.bucket == null || var.storage.bucket_settings != null
    error_message = "State in storage.bucket_settings which settings of the bucket of names.bucket are managed here: [] leaves all as they are. Others that it has now are replaced, and the plan does not show what they were."
  }
}

variable "storage" {
  description = <<-TEXT
    Settings of bucket and key.
    - `access_logs`: Server access logs of the created bucket.
    - `access_logs.destination`: Where access logs go; none when it is null.
    - `access_logs.destination.bucket_name`: Bucket of this region and account that admits log delivery by logging.s3.amazonaws.com, encrypted with keys of Amazon S3 (a KMS key is not supported there).
    - `access_logs.destination.prefix`: Key prefix of the logs; the name and a slash when it is null.
    - `bucket_settings`: Settings of the bucket that are managed here, of encryption, lifecycle, ownership, policy, public_access and versioning; all of them when it is null. Others stay as they are: for a bucket that is imported.
    - `existing`: Existing resources to use instead of creating them. They are never modified; outputs bucket_policy_json and key_policy_json have the statements that their policies need.
    - `existing.bucket`: An existing bucket; its policy, encryption, versioning and lifecycle are its owner's.
    - `existing.bucket.name`: Name of the bucket, in this region.
    - `existing.key`: An existing KMS key; its policy is its owner's.
    - `existing.key.arn`: ARN of the key, not of an alias, in this region.
    - `expire_after_days`: Days until objects of the created bucket expire, by role of their prefix. Objects of a role that is null never expire; {} creates no lifecycle rules.
    - `expire_after_days.capture`: Days until captured requests expire.
    - `expire_after_days.failure`: Days until failures expire.
    - `expire_after_days.input`: Days until inputs expire.
    - `expire_after_days.noncurrent`: Days until replaced or deleted versions of any object expire.
    - `expire_after_days.output`: Days until outputs expire.
    - `expire_after_days.predictions`: Days until predictions of the HTTP API expire; credentials never do.
    - `force_destroy`: Whether destroying the bucket also deletes its objects.
    - `key_deletion_window_days`: Days during which the deleted key can be restored: 7 to 30.
    - `prefixes`: Key prefixes by role; each ends in a slash, and none contains another.
    - `prefixes.capture`: Prefix of captured requests of real-time endpoints; null for none.
    - `prefixes.credentials`: Prefix of the HTTP API's keys and signing secrets.
    - `prefixes.failure`: Prefix of failures.
    - `prefixes.input`: Prefix of inputs.
    - `prefixes.model`: Prefix of model archives.
    - `prefixes.output`: Prefix of outputs.
    - `prefixes.predictions`: Prefix of the HTTP API's predictions.
    - `readers`: Other readers, such as another account, by a name of letters and digits. Principals of another account need the same permissions there.
    - `readers.*.principal_arns`: ARNs of accounts, roles or users, such as arn:aws:iam::account:root.
    - `readers.*.reads`: Roles of the prefixes they read: capture, failure, input, model or output.
  TEXT
  type = object({
    access_logs = optional(object({
      destination = optional(object({
        bucket_name = string
        prefix      = optional(string)
      }))
    }), {})
    bucket_settings = optional(set(string))
    existing = optional(object({
      bucket = optional(object({
        name = string
      }))
      key = optional(object({
        arn = string
      }))
    }), {})
    expire_after_days = optional(object({
      capture     = optional(number)
      failure     = optional(number)
      input       = optional(number)
      noncurrent  = optional(number)
      output      = optional(number)
      predictions = optional(number)
    }), { capture = 30, failure = 30, input = 30, noncurrent = 7, output = 30, predictions = 30 })
    force_destroy            = optional(bool, false)
    key_deletion_window_days = optional(number, 30)
    prefixes = optional(object({
      capture     = optional(string)
      credentials = optional(string, "credentials/")
      failure     = optional(string, "failure/")
      input       = optional(string, "input/")
      model       = optional(string, "model/")
      output      = optional(string, "output/")
      predictions = optional(string, "predictions/")
    }), {})
    readers = optional(map(object({
      principal_arns = set(string)
      reads          = optional(set(string), ["failure", "output"])
    })), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.storage.access_logs.destination == null || var.storage.existing.bucket == null
    error_message = "Remove storage.access_logs.destination: it applies to a created bucket, and storage.existing.bucket is not modified."
  }

  validation {
    condition     = length(setsubtract(coalesce(var.storage.bucket_settings, []), ["encryption", "lifecycle", "ownership", "policy", "public_access", "versioning"])) == 0
    error_message = "Field storage.bucket_settings may hold encryption, lifecycle, ownership, policy, public_access and versioning only."
  }

  validation {
    condition     = var.storage.bucket_settings == null || var.storage.existing.bucket == null
    error_message = "Remove storage.bucket_settings: storage.existing.bucket is not modified."
  }

  validation {
    condition     = length(var.storage.readers) == 0 || contains(coalesce(var.storage.bucket_settings, ["policy"]), "policy")
    error_message = "Add policy to storage.bucket_settings, or remove storage.readers and admit them in the bucket's policy: they are statements of it."
  }

  validation {
    condition     = var.storage.existing.bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.storage.existing.bucket.name))
    error_message = "Field storage.existing.bucket.name must be the name of a bucket, without s3:// and without a key."
  }

  validation {
    condition     = var.storage.existing.key == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.storage.existing.key.arn))
    error_message = "Field storage.existing.key.arn must be the full ARN of a key (arn:aws:kms:region:account:key/id), because an alias or a key id does not identify its account."
  }

  validation {
    condition     = alltrue([for days in values(var.storage.expire_after_days) : days >= 1 && floor(days) == days if days != null])
    error_message = "Every number in storage.expire_after_days must be a whole number of days, 1 or more."
  }

  validation {
    condition     = var.storage.key_deletion_window_days >= 7 && var.storage.key_deletion_window_days <= 30
    error_message = "Field storage.key_deletion_window_days must be from 7 to 30, the range AWS KMS accepts."
  }

  validation {
    condition     = alltrue([for prefix in values(var.storage.prefixes) : can(regex("^[A-Za-z0-9!_.*'()-][A-Za-z0-9!_.*'()/-]{0,510}/$", prefix)) && !strcontains(prefix, "//") if prefix != null])
    error_message = "Every prefix in storage.prefixes must end in a single slash and not begin with one, with letters, digits and !_.*'()- between slashes."
  }

  validation {
    condition = alltrue(flatten([
      for role, prefix in var.storage.prefixes : [
        for other, longer in var.storage.prefixes : !startswith(longer, prefix) if other != role && longer != null
      ] if prefix != null
    ]))
    error_message = "No prefix in storage.prefixes may equal or contain another: outputs below the input prefix would be treated as inputs, and failures below the output prefix as outputs. Give each role a separate prefix."
  }

  validation {
    condition     = alltrue([for name in keys(var.storage.readers) : can(regex("^[A-Za-z0-9]+$", name))])
    error_message = "Names in storage.readers must be letters and digits, the characters that a statement id accepts."
  }

  validation {
    condition = alltrue(flatten([
      for reader in var.storage.readers : [for arn in reader.principal_arns : can(regex("^arn:[a-z-]+:(iam|sts)::[0-9]{12}:[^*]+$", arn))]
    ])) && alltrue([for reader in var.storage.readers : length(reader.principal_arns) > 0])
    error_message = "Field principal_arns in storage.readers must hold ARNs of accounts, roles or users, without wildcards, which would make the bucket public."
  }

  validation {
    condition     = alltrue([for reader in var.storage.readers : length(reader.reads) > 0 && length(setsubtract(reader.reads, [for role in ["capture", "failure", "input", "model", "output"] : role if var.storage.prefixes[role] != null])) == 0])
    error_message = "Field reads in storage.readers may hold failure, input, model and output, and capture where storage.prefixes.capture is given."
  }
}

variable "tags" {
  description = "Tags of the created bucket and key, beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "topic_arns" {
  description = "ARNs of existing topics that deliver to queues encrypted with the key, beside the topics of endpoint_names."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.topic_arns : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "Variable topic_arns must hold ARNs of standard topics, such as arn:aws:sns:region:account:name."
  }
}
