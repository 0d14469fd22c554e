variable "containers" {
  description = <<-TEXT
    The containers of the model, in order: one makes a plain model, 2 to 15 a pipeline or containers invoked by hostname.
    Each has an image or a model_package, and at most one kind of model data:
    - archive: a model.tar.gz, either path, a local file to upload below the model prefix, or s3_uri, an object that exists
    - data_source: s3_uri of a prefix whose objects are the unpacked model; accept_eula where its licence asks for it
    - multi_model: a prefix of archives, loaded when a request names one; without s3_uri it is the model prefix of storage
    Of an archive at s3_uri the version is recorded, so that verification finds it overwritten; who applies then needs to read it,
    or sets record_version to false.
    The key that encrypts what exists already goes into kms_key_arn beside its s3_uri.
    An image is given in one of four ways: uri; framework (pytorch, tensorflow) with version, for a processor (cpu, gpu), with python
    (py312) where the version is not listed here; prebuilt, repository and tag of another image of AWS; repository, name with
    tag or digest in Amazon ECR of this region, of this account unless account_id is given. With private_registry, uri is in a
    registry that is reached from vpc, and the Lambda function gives its credentials.
    A model_package is given by its arn. What it holds is not readable from its arn: image_uri and artifact_uri are what the
    execution role must be able to read; leave them out for packages of AWS Marketplace.
    serving says how the container serves: seconds one request may take, worker processes, threads a worker, largest bodies in
    bytes, and the program in the code folder of the archive. environment wins over everything derived from it.
  TEXT
  type = list(object({
    archive = optional(object({
      kms_key_arn    = optional(string)
      path           = optional(string)
      record_version = optional(bool, true)
      s3_uri         = optional(string)
    }))
    data_source = optional(object({
      accept_eula = optional(bool)
      kms_key_arn = optional(string)
      s3_uri      = string
    }))
    environment = optional(map(string), {})
    hostname    = optional(string)
    image = optional(object({
      framework = optional(string)
      prebuilt = optional(object({
        repository = string
        tag        = string
      }))
      private_registry = optional(object({
        credentials_function_arn = optional(string)
      }))
      processor = optional(string, "cpu")
      python    = optional(string)
      repository = optional(object({
        account_id = optional(string)
        digest     = optional(string)
        name       = string
        tag        = optional(string)
      }))
      uri     = optional(string)
      version = optional(string)
    }))
    model_package = optional(object({
      arn          = string
      artifact_uri = optional(string)
      image_uri    = optional(string)
      kms_key_arn  = optional(string)
    }))
    multi_model = optional(object({
      cache_models = optional(bool, true)
      kms_key_arn  = optional(string)
      s3_uri       = optional(string)
    }))
    serving = optional(object({
      max_request_bytes  = optional(number, 104857600)
      max_response_bytes = optional(number, 104857600)
      program            = optional(string, "inference.py")
      threads            = optional(number, 2)
      timeout_seconds    = optional(number, 300)
      workers            = optional(number, 1)
    }), {})
  }))
  nullable = false

  validation {
    condition     = length(var.containers) >= 1 && length(var.containers) <= 15
    error_message = "Variable containers must hold 1 to 15 containers, the most Amazon SageMaker puts into one model."
  }

  validation {
    condition     = alltrue([for container in var.containers : (container.image == null) != (container.model_package == null)])
    error_message = "Each of containers must have either image or model_package: a model package brings its own image."
  }

  validation {
    condition = alltrue([
      for container in var.containers : length([
        for data in [container.archive, container.data_source, container.multi_model, container.model_package] : true if data != null
      ]) <= 1
    ])
    error_message = "Each of containers may have one of archive, data_source, multi_model and model_package: a container has one kind of model data."
  }

  validation {
    condition = alltrue([
      for archive in var.containers[*].archive : length(compact([archive.path, archive.s3_uri])) == 1 if archive != null
    ])
    error_message = "Give exactly one of archive.path (a local file) and archive.s3_uri (an object that exists)."
  }

  validation {
    condition = alltrue([
      for uri in [for archive in var.containers[*].archive : archive.s3_uri if try(archive.s3_uri, null) != null] :
      can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+\\.tar\\.gz$", uri))
    ])
    error_message = "Field archive.s3_uri must name a gzipped tar archive as s3://bucket/key.tar.gz; a prefix of unpacked objects goes into data_source."
  }

  validation {
    condition = alltrue([
      for path in [for archive in var.containers[*].archive : archive.path if try(archive.path, null) != null] :
      can(regex("\\.tar\\.gz$", path))
    ])
    error_message = "Field archive.path must name a gzipped tar archive, a file that ends in .tar.gz."
  }

  validation {
    condition = alltrue([
      for archive in var.containers[*].archive : archive.kms_key_arn == null || archive.s3_uri != null if archive != null
    ])
    error_message = "Field archive.kms_key_arn belongs to archive.s3_uri; leave it out with archive.path, which is encrypted with the key of the deployment."
  }

  validation {
    condition = alltrue([
      for uri in compact(flatten([for container in var.containers : [try(container.data_source.s3_uri, null), try(container.multi_model.s3_uri, null)]])) :
      can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(.+/)?$", uri))
    ])
    error_message = "Fields data_source.s3_uri and multi_model.s3_uri must name a prefix that ends in a slash, as s3://bucket/prefix/: without it, objects of every longer name are taken too."
  }

  validation {
    condition = alltrue([
      for arn in compact(flatten([
        for container in var.containers : [
          for data in [container.archive, container.data_source, container.multi_model, container.model_package] : try(data.kms_key_arn, null)
        ]
      ])) : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", arn))
    ])
    error_message = "Every kms_key_arn must be the full ARN of a key (arn:aws:kms:region:account:key/id): IAM goes by the key, not by its alias."
  }

  validation {
    condition     = alltrue(flatten([for container in var.containers : [for key in keys(container.environment) : can(regex("^[a-zA-Z_][a-zA-Z0-9_]*$", key))]]))
    error_message = "Every key of environment must be a name of letters, digits and underscores that does not begin with a digit."
  }

  validation {
    condition     = alltrue(flatten([for container in var.containers : [for value in values(container.environment) : length(value) <= 1024]]))
    error_message = "Every value of environment must be at most 1024 characters, the longest Amazon SageMaker accepts; put longer ones into the archive."
  }

  validation {
    condition = alltrue([
      for hostname in compact(var.containers[*].hostname) : length(hostname) <= 63 && can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", hostname))
    ])
    error_message = "Each hostname must be at most 63 letters, digits and hyphens, and begin and end with a letter or a digit."
  }

  validation {
    condition     = contains([0, length(var.containers)], length(compact(var.containers[*].hostname)))
    error_message = "Give every container a hostname or none of them: Amazon SageMaker refuses a model of which only some have one."
  }

  validation {
    condition     = length(distinct(compact(var.containers[*].hostname))) == length(compact(var.containers[*].hostname))
    error_message = "Each hostname must be given once, since a container is told from the others by it."
  }

  validation {
    condition     = length([for container in var.containers : true if container.multi_model != null]) <= 1
    error_message = "At most one of containers may be multi_model: a request names one model, for one of them (Amazon SageMaker guide, multi-model endpoints)."
  }

  validation {
    condition = alltrue([
      for image in var.containers[*].image : length([
        for way in [image.framework, image.prebuilt, image.repository, image.uri] : true if way != null
      ]) == 1 if image != null
    ])
    error_message = "Give an image in exactly one way: image.uri, image.framework, image.prebuilt or image.repository."
  }

  validation {
    condition     = alltrue([for image in var.containers[*].image : (image.framework == null) == (image.version == null) if image != null])
    error_message = "Give image.framework and image.version together, such as pytorch and 2.6.0."
  }

  validation {
    condition     = alltrue([for image in var.containers[*].image : contains(["pytorch", "tensorflow"], try(coalesce(image.framework), "pytorch"))])
    error_message = "Field image.framework must be pytorch or tensorflow; another image of AWS goes into image.prebuilt."
  }

  validation {
    condition = alltrue([
      for image in var.containers[*].image : can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", image.version)) if try(image.version, null) != null
    ])
    error_message = "Field image.version must have three numbers, such as 2.6.0."
  }

  validation {
    condition     = alltrue([for image in var.containers[*].image : contains(["cpu", "gpu"], image.processor) if image != null])
    error_message = "Field image.processor must be cpu or gpu; for another processor give image.prebuilt or image.uri."
  }

  validation {
    condition     = alltrue([for image in var.containers[*].image : can(regex("^py3[0-9]+$", image.python)) if try(image.python, null) != null])
    error_message = "Field image.python must be written as in the tags of the image, such as py312."
  }

  validation {
    condition = alltrue([
      for image in var.containers[*].image :
      can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.[a-z.]+/[^:@]+[:@].+$", image.uri)) if try(image.uri, null) != null && try(image.private_registry, null) == null
    ])
    error_message = "Field image.uri must be an image in Amazon ECR with a tag or digest, as account.dkr.ecr.region.amazonaws.com/repository:tag; one of another registry takes private_registry."
  }

  validation {
    condition = alltrue([
      for image in var.containers[*].image : can(regex("^[^/\\s]+/[^@\\s]+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@\\S+)$", image.uri)) && length(image.uri) <= 255
      if try(image.private_registry, null) != null
    ])
    error_message = "With image.private_registry, image.uri must be registry/repository with a tag or digest, of at most 255 characters."
  }

  validation {
    condition = alltrue([
      for uri in compact([for image in var.containers[*].image : try(image.uri, null)]) : can(regex("@sha256:[0-9a-f]{64}$", uri)) if strcontains(uri, "@")
    ])
    error_message = "A digest in image.uri must be sha256: and 64 hexadecimal digits."
  }

  validation {
    condition = alltrue([
      for image in var.containers[*].image : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[^:]+(:[^:]+)?$", image.private_registry.credentials_function_arn))
      if try(image.private_registry.credentials_function_arn, null) != null
    ])
    error_message = "Field image.private_registry.credentials_function_arn must be the ARN of a Lambda function."
  }

  validation {
    condition = alltrue([
      for image in var.containers[*].image : length(compact([image.repository.digest, image.repository.tag])) == 1 if try(image.repository, null) != null
    ])
    error_message = "Give exactly one of image.repository.tag and image.repository.digest."
  }

  validation {
    condition = alltrue([
      for image in var.containers[*].image : can(regex("^sha256:[0-9a-f]{64}$", image.repository.digest)) if try(image.repository.digest, null) != null
    ])
    error_message = "Field image.repository.digest must be sha256: and 64 hexadecimal digits."
  }

  validation {
    condition = alltrue([
      for name in compact(flatten([for image in var.containers[*].image : [try(image.repository.name, null), try(image.prebuilt.repository, null)]])) :
      can(regex("^[a-z0-9]+([._/-]+[a-z0-9]+)*$", name))
    ])
    error_message = "The name of a repository must be of lowercase letters, digits and single separators, such as team/serve, without registry and tag."
  }

  validation {
    condition = alltrue([
      for package in var.containers[*].model_package : can(regex("^arn:[a-z-]+:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/\\S+$", package.arn)) if package != null
    ])
    error_message = "Field model_package.arn must be the ARN of a model package, as arn:aws:sagemaker:region:account:model-package/group/version."
  }

  validation {
    condition = alltrue(flatten([
      for serving in var.containers[*].serving : [for size in [serving.max_request_bytes, serving.max_response_bytes] : size >= 1 && size <= 1073741824]
    ]))
    error_message = "Fields serving.max_request_bytes and serving.max_response_bytes must be from 1 to 1073741824 bytes, the largest input of an asynchronous endpoint."
  }

  validation {
    condition     = alltrue([for serving in var.containers[*].serving : can(regex("^[A-Za-z0-9_./-]+\\.py$", serving.program))])
    error_message = "Field serving.program must name a Python file in the code folder of the archive, such as inference.py."
  }

  validation {
    condition     = alltrue(flatten([for serving in var.containers[*].serving : [for count in [serving.threads, serving.workers] : count >= 1 && floor(count) == count]]))
    error_message = "Fields serving.threads and serving.workers must be whole numbers, 1 or more."
  }

  validation {
    condition     = alltrue([for serving in var.containers[*].serving : serving.timeout_seconds >= 1 && serving.timeout_seconds <= 3600])
    error_message = "Field serving.timeout_seconds must be from 1 to 3600, the longest an asynchronous invocation may take."
  }
}

variable "endpoint_names" {
  description = "Names of the endpoints that will serve the model; the role may write to their log groups alone."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for name in var.endpoint_names : can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", name)) && length(name) <= 63]) && length(var.endpoint_names) > 0
    error_message = "Variable endpoint_names must hold the name of at least one endpoint, each up to 63 letters, digits and hyphens."
  }
}

variable "invocation" {
  description = "How several containers are invoked: serial, each given the output of the one before, or direct, each by its hostname."
  type        = string
  default     = "serial"
  nullable    = false

  validation {
    condition     = contains(["direct", "serial"], var.invocation)
    error_message = "Variable invocation must be serial (a pipeline) or direct (by hostname)."
  }

  validation {
    condition     = var.invocation == "serial" || (length(var.containers) > 1 && length(compact(var.containers[*].hostname)) == length(var.containers))
    error_message = "Direct invocation takes at least two containers, each with a hostname; leave out invocation for a pipeline or a single container."
  }

  validation {
    condition     = var.invocation == "serial" || alltrue([for container in var.containers : container.multi_model == null])
    error_message = "Direct invocation and multi_model exclude each other: a request names a container or a model. Use serial invocation."
  }
}

variable "name" {
  description = "Prefix of the names of the model and of its execution role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,48}[a-zA-Z0-9]$", var.name))
    error_message = "Variable name must be 2 to 50 letters, digits and hyphens, so that the names made from it stay within 63 characters."
  }
}

variable "network_isolation" {
  description = "Whether containers can make no network call at all. Amazon SageMaker itself still reads the model and passes requests; packages of AWS Marketplace need it."
  type        = bool
  default     = false
  nullable    = false
}

variable "role" {
  description = "The execution role: existing, which then needs what output execution_policy_json says, or path and permissions boundary of the one made here."
  type = object({
    existing = optional(object({
      arn = string
    }))
    path                     = optional(string, "/")
    permissions_boundary_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.role.existing == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.role.existing.arn))
    error_message = "Field role.existing.arn must be the ARN of an IAM role, as arn:aws:iam::account:role/name."
  }

  validation {
    condition     = var.role.existing == null || (var.role.path == "/" && var.role.permissions_boundary_arn == null)
    error_message = "Fields role.path and role.permissions_boundary_arn are those of a role made here; leave them out beside role.existing."
  }
}

variable "rollback_alarms" {
  description = "Names of the alarms that take an update of an endpoint back (guardrails of module endpoint): Amazon SageMaker looks at them as the execution role."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "storage" {
  description = "Where archives are uploaded, inputs are read and results are written: outputs of module storage. Prefixes left out are not used, and the role gets no right to them; captured requests of real-time endpoints go below capture."
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
    error_message = "Give storage.bucket_arn and storage.bucket_name together, and prefixes only with them."
  }

  validation {
    condition     = alltrue([for prefix in values(var.storage.prefixes) : can(regex("^[^/].*/$", prefix)) if prefix != null])
    error_message = "Every prefix of storage.prefixes must end in a slash and not begin with one."
  }

  validation {
    condition = var.storage.prefixes.model != null || alltrue([
      for container in var.containers : try(container.archive.path, null) == null && (container.multi_model == null || try(container.multi_model.s3_uri, null) != null)
    ])
    error_message = "Give storage with prefixes.model, below which archive.path is uploaded and multi_model finds its archives, or give their s3_uri."
  }
}

variable "topic_arns" {
  description = "Topics an asynchronous endpoint announces results on, by outcome; none for other endpoints."
  type = object({
    error   = optional(string)
    success = optional(string)
  })
  default  = {}
  nullable = false
}

variable "topic_kms_key_arns" {
  description = "Keys that encrypt the topics, beside the key of storage."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.topic_kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", arn))])
    error_message = "Variable topic_kms_key_arns must hold full ARNs of keys, as arn:aws:kms:region:account:key/id."
  }
}

variable "vpc" {
  description = "Subnets and security groups that containers are reached from and call through: output vpc of module network, or given ones. Without them containers are in a network of Amazon SageMaker."
  type = object({
    security_group_ids = optional(list(string), [])
    subnet_ids         = optional(list(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = (length(var.vpc.subnet_ids) == 0) == (length(var.vpc.security_group_ids) == 0)
    error_message = "Give vpc.subnet_ids and vpc.security_group_ids together, or neither."
  }

  validation {
    condition     = length(var.vpc.subnet_ids) <= 16 && length(var.vpc.security_group_ids) <= 5
    error_message = "Variable vpc may hold up to 16 subnets and 5 security groups, the most Amazon SageMaker accepts."
  }

  validation {
    condition     = alltrue([for id in var.vpc.subnet_ids : startswith(id, "subnet-")]) && alltrue([for id in var.vpc.security_group_ids : startswith(id, "sg-")])
    error_message = "Field vpc.subnet_ids must hold ids such as subnet-0123456789abcdef0, and vpc.security_group_ids ids such as sg-0123456789abcdef0."
  }

  # Here and not among the rules of containers: those would then wait for the network, and a change there would leave the image
  # unknown until the apply, and so replace the model.
  validation {
    condition     = length(var.vpc.subnet_ids) > 0 || alltrue([for image in var.containers[*].image : try(image.private_registry, null) == null])
    error_message = "An image in a private registry is pulled through the VPC of the model: give vpc, or keep the image in Amazon ECR."
  }
}
