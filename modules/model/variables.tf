variable "containers" {
  description = <<-TEXT
    Containers in order, as module model/container computes them: containers = [module.container], or containers = module.container where that has count. One makes a plain model; 2 to 15 a pipeline, or containers invoked by hostname.
    - `[*].archive`: Model archive; null for other model data.
    - `[*].archive.path`: Path of a local archive to upload; null for an existing one.
    - `[*].archive.sha256`: SHA-256 of the local archive, in hexadecimal.
    - `[*].archive.version_id`: S3 version of an existing archive.
    - `[*].data_source`: Unpacked model in S3; null for other model data.
    - `[*].data_source.accept_eula`: Whether the model's licence is accepted.
    - `[*].data_source.s3_uri`: S3 prefix of the files.
    - `[*].ecr_uris`: Images that the execution role must pull from Amazon ECR.
    - `[*].environment`: Environment variables.
    - `[*].hostname`: Name of the container in a model with several.
    - `[*].image_uri`: URI of the image; null for a model package.
    - `[*].invocation_timeout_seconds`: Longest time of one invocation, in seconds.
    - `[*].kms_key_arns`: ARNs of the KMS keys that encrypt the model data, beside the deployment's.
    - `[*].model_data_url`: S3 URI of an existing archive, or prefix of a multi-model container; null for an uploaded archive or the model prefix.
    - `[*].model_package`: Model package; null for an image.
    - `[*].model_package.arn`: ARN of the model package version.
    - `[*].model_package.artifact_uri`: S3 URI of the package's artifact, which the execution role must read.
    - `[*].multi_model`: Multi-model container; null for a single model.
    - `[*].multi_model.cache_models`: Whether loaded models stay in memory.
    - `[*].private_registry`: Private registry of the image; null for Amazon ECR.
    - `[*].private_registry.credentials_function_arn`: ARN of the Lambda function that returns the registry's credentials.
  TEXT
  type = list(object({
    archive = optional(object({
      path       = optional(string)
      sha256     = optional(string)
      version_id = optional(string)
    }))
    data_source = optional(object({
      accept_eula = optional(bool)
      s3_uri      = string
    }))
    ecr_uris                   = optional(list(string), [])
    environment                = optional(map(string), {})
    hostname                   = optional(string)
    image_uri                  = optional(string)
    invocation_timeout_seconds = optional(number, 300)
    kms_key_arns               = optional(list(string), [])
    model_data_url             = optional(string)
    model_package = optional(object({
      arn          = string
      artifact_uri = optional(string)
    }))
    multi_model = optional(object({
      cache_models = optional(bool, true)
    }))
    private_registry = optional(object({
      credentials_function_arn = optional(string)
    }))
  }))
  nullable = false

  validation {
    condition     = length(var.containers) >= 1 && length(var.containers) <= 15
    error_message = "Give 1 to 15 containers, the most Amazon SageMaker accepts in one model."
  }

  # Conversion to the type drops what it does not know, such as the image of a container as module model/container takes it.
  validation {
    condition     = alltrue([for container in var.containers : container.image_uri != null || container.model_package != null])
    error_message = "Compute each container with module model/container, as containers = [module.container]: one has neither image_uri nor model_package."
  }

  validation {
    condition     = contains([0, length(var.containers)], length(compact(var.containers[*].hostname)))
    error_message = "Give every container a hostname or none: Amazon SageMaker refuses a model in which only some have one (missing in ${join(", ", [for index, container in var.containers : "containers[${index}]" if container.hostname == null])})."
  }

  validation {
    condition     = length(distinct(compact(var.containers[*].hostname))) == length(compact(var.containers[*].hostname))
    error_message = "Give each container a different hostname: a request selects the container by it."
  }

  validation {
    condition     = length([for container in var.containers : true if container.multi_model != null]) <= 1
    error_message = "Give multi_model to one container only: a request names one model, for one container (Amazon SageMaker guide, multi-model endpoints)."
  }
}

variable "core_dump_uris" {
  description = "S3 prefixes that the endpoints' variants write core dumps to (core_dump_uri of module endpoint-config): the execution role may write there."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for uri in var.core_dump_uris : can(regex("^s3://[^/*?]+/[^*?]+$", uri))])
    error_message = "Every item of core_dump_uris must be an S3 prefix, such as s3://bucket/core-dumps/, without wildcards."
  }
}

variable "enable_ssm_access" {
  description = "Whether an endpoint of the model opens its instances to AWS Systems Manager (enable_ssm_access of module endpoint-config): the execution role may then open its channels."
  type        = bool
  default     = false
  nullable    = false
}

variable "endpoint_names" {
  description = "Names of the endpoints that serve the model: the execution role may write to their log groups only."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for name in var.endpoint_names : can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", name)) && length(name) <= 63]) && length(var.endpoint_names) > 0
    error_message = "Variable endpoint_names must hold the name of at least one endpoint, each up to 63 letters, digits and hyphens."
  }
}

variable "model" {
  description = <<-TEXT
    Settings of the model as a whole: invocation of its containers, network isolation and the execution role.
    - `invocation`: How several containers are invoked: serial, each with the output of the previous one, or direct, each by its hostname.
    - `network_isolation`: Whether containers can make no network calls. SageMaker still downloads the model and delivers requests. AWS Marketplace packages need it.
    - `role`: The execution role.
    - `role.create_boundary`: Whether to create a permissions boundary for the created role, so that a deployer may change the role's policy (module iam).
    - `role.existing`: An existing role to use instead of creating one. It needs the policy in output execution_policy_json.
    - `role.existing.arn`: ARN of the role.
    - `role.existing.attach_policy`: Whether to put that policy on the role, as an inline policy called NAME-REGION-execution, beside those that it has.
    - `role.path`: IAM path of the created role.
    - `role.permissions_boundary_arn`: ARN of the permissions boundary of the created role; null for none.
  TEXT
  type = object({
    invocation        = optional(string, "serial")
    network_isolation = optional(bool, false)
    role = optional(object({
      create_boundary = optional(bool, false)
      existing = optional(object({
        arn           = string
        attach_policy = optional(bool, false)
      }))
      path                     = optional(string, "/")
      permissions_boundary_arn = optional(string)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["direct", "serial"], var.model.invocation)
    error_message = "Field model.invocation must be serial (a pipeline) or direct (by hostname)."
  }

  validation {
    condition     = var.model.invocation == "serial" || (length(var.containers) > 1 && length(compact(var.containers[*].hostname)) == length(var.containers))
    error_message = "Direct invocation needs at least two containers, each with a hostname; remove model.invocation for a pipeline or a single container."
  }

  validation {
    condition     = var.model.invocation == "serial" || alltrue([for container in var.containers : container.multi_model == null])
    error_message = "Remove model.invocation or multi_model: a request names either a container or a model."
  }

  validation {
    condition     = var.model.role.existing == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.model.role.existing.arn))
    error_message = "Field model.role.existing.arn must be the ARN of an IAM role, such as arn:aws:iam::account:role/name."
  }

  validation {
    condition     = var.model.role.existing == null || (var.model.role.path == "/" && var.model.role.permissions_boundary_arn == null && !var.model.role.create_boundary)
    error_message = "Remove model.role.path, model.role.permissions_boundary_arn and model.role.create_boundary: they apply to a created role, and model.role.existing is not modified."
  }

  validation {
    condition     = var.model.role.permissions_boundary_arn == null || !var.model.role.create_boundary
    error_message = "Give model.role.permissions_boundary_arn or model.role.create_boundary, not both: a role has one permissions boundary."
  }
}

variable "name" {
  description = "Prefix of the names of the model and, with the region, of its execution role: 2 to 39 letters, digits and hyphens."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,37}[a-zA-Z0-9]$", var.name))
    error_message = "Variable name must be 2 to 39 letters, digits and hyphens, so that the name of the role, which includes the region, stays within 64 characters."
  }
}

# Service model of IAM, botocore 1.44.5: roleNameType.
variable "names" {
  description = <<-TEXT
    Names of resources that exist and are imported, instead of those derived from name.
    - `role`: Name of the execution role, without its path, which is model.role.path. Its trust policy, description, tags and other policies stay; the policy that the endpoint needs is added.
  TEXT
  type = object({
    role = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.names.role == null || can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.names.role))
    error_message = "Field names.role must be the name of a role without its path: 1 to 64 letters, digits and +=,.@_-; give the path in model.role.path."
  }

  validation {
    condition     = var.names.role == null || var.model.role.existing == null
    error_message = "Give names.role, for a role that is imported and belongs to this deployment from then on, or model.role.existing, for one that stays its owner's."
  }
}

variable "network" {
  description = <<-TEXT
    Subnets and security groups of the containers: network = module.network, or ids of your own. Without them containers run in a network of Amazon SageMaker.
    - `security_group_ids`: Ids of up to 5 security groups.
    - `subnet_ids`: Ids of up to 16 subnets.
  TEXT
  type = object({
    security_group_ids = optional(list(string), [])
    subnet_ids         = optional(list(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = (length(var.network.subnet_ids) == 0) == (length(var.network.security_group_ids) == 0)
    error_message = "Give network.subnet_ids and network.security_group_ids together, or neither."
  }

  validation {
    condition     = length(var.network.subnet_ids) <= 16 && length(var.network.security_group_ids) <= 5
    error_message = "Variable network may hold up to 16 subnets and 5 security groups, the most Amazon SageMaker accepts."
  }

  validation {
    condition     = alltrue([for id in var.network.subnet_ids : startswith(id, "subnet-")]) && alltrue([for id in var.network.security_group_ids : startswith(id, "sg-")])
    error_message = "Field network.subnet_ids must hold ids such as subnet-0123456789abcdef0, and network.security_group_ids ids such as sg-0123456789abcdef0."
  }

  # Here and not a rule of containers: those would then depend on the network, and a change there would leave images unknown until the
  # apply, and so replace the model.
  validation {
    condition     = length(var.network.subnet_ids) > 0 || alltrue([for container in var.containers : container.private_registry == null])
    error_message = "Give network.subnet_ids and network.security_group_ids, or move the image to Amazon ECR: SageMaker pulls from a private registry through the model's network."
  }
}

variable "rollback_alarm_names" {
  description = "Names of the CloudWatch alarms that roll back an update of the endpoints, or patterns with *: SageMaker reads their state as the execution role."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "storage" {
  description = <<-TEXT
    Where archives are uploaded, inputs are read and results are written: outputs of module storage.
    - `bucket_arn`: ARN of the bucket. Give it together with bucket_name.
    - `bucket_name`: Name of the bucket.
    - `kms_key_arn`: ARN of the KMS key that encrypts the bucket; null where it is not encrypted with a customer managed key.
    - `prefixes`: Key prefixes by role; each ends in a slash. The execution role gets no access to a role without a prefix.
    - `prefixes.capture`: Prefix of captured requests of real-time endpoints.
    - `prefixes.failure`: Prefix of failures.
    - `prefixes.input`: Prefix of inputs.
    - `prefixes.model`: Prefix of model archives.
    - `prefixes.output`: Prefix of outputs.
  TEXT
  type = object({
    bucket_arn  = optional(string)
    bucket_name = optional(string)
    kms_key_arn = optional(string)
    prefixes = optional(object({
      capture = optional(string)
      failure = optional(string)
      input   = optional(string)
      model   = optional(string)
      output  = optional(string)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = (var.storage.bucket_arn == null) == (var.storage.bucket_name == null) && (var.storage.bucket_name != null || alltrue([for prefix in values(var.storage.prefixes) : prefix == null]))
    error_message = "Give storage.bucket_arn and storage.bucket_name together, and storage.prefixes only with them."
  }

  validation {
    condition     = alltrue([for prefix in values(var.storage.prefixes) : can(regex("^[^/].*/$", prefix)) if prefix != null])
    error_message = "Every prefix in storage.prefixes must end in a slash and not begin with one."
  }

  validation {
    condition = var.storage.prefixes.model != null || alltrue([
      for container in var.containers : try(container.archive.path, null) == null && (container.multi_model == null || container.model_data_url != null)
    ])
    error_message = "Give storage with prefixes.model, where archive.path is uploaded and multi_model finds its archives, or give their s3_uri."
  }
}

variable "tags" {
  description = "Tags of the model, its execution role and uploaded archives, beside the provider's default_tags. At most 10 with an uploaded archive, the most an S3 object has, default_tags included."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.tags) <= 10 || alltrue([for container in var.containers : try(container.archive.path, null) == null])
    error_message = "Variable tags must hold at most 10 tags where an archive is uploaded, the most Amazon S3 accepts on an object."
  }
}

variable "topic_arns" {
  description = <<-TEXT
    SNS topics that an asynchronous endpoint announces results on; none for other endpoints.
    - `error`: ARN of the topic for failed requests.
    - `success`: ARN of the topic for completed requests.
  TEXT
  type = object({
    error   = optional(string)
    success = optional(string)
  })
  default  = {}
  nullable = false
}

variable "topic_kms_key_arns" {
  description = "ARNs of the KMS keys that encrypt the topics, beside the key of storage."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.topic_kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", arn))])
    error_message = "Variable topic_kms_key_arns must hold full ARNs of keys, such as arn:aws:kms:region:account:key/id."
  }
}
