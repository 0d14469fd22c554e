variable "container" {
  description = <<-TEXT
    One container of a SageMaker model: an image or a model package, at most one kind of model data, and how it serves.
    - `archive`: Model archive, model.tar.gz. Give path or s3_uri.
    - `archive.kms_key_arn`: ARN of the KMS key that encrypts the archive at s3_uri, if it is not the deployment's.
    - `archive.path`: Path of a local .tar.gz file, relative to the root module, which is uploaded below the model prefix.
    - `archive.record_version`: Whether to record the version of the archive at s3_uri, so that verification detects that it was overwritten. Needs permission to read it.
    - `archive.s3_uri`: S3 URI of an existing archive, such as s3://bucket/model.tar.gz.
    - `data_source`: Unpacked model: a prefix in S3 with its files.
    - `data_source.accept_eula`: Whether you accept the model's licence, where it requires that.
    - `data_source.kms_key_arn`: ARN of the KMS key that encrypts the files, if it is not the deployment's.
    - `data_source.s3_uri`: S3 prefix of the files, which ends in a slash.
    - `environment`: Environment variables; they override those derived from serving. At most 100 together, 1024 characters each.
    - `hostname`: Name of the container in a model with several: up to 63 letters, digits and hyphens.
    - `image`: Container image. Give exactly one of framework, prebuilt, repository and uri.
    - `image.framework`: Framework image of AWS: pytorch or tensorflow. Needs version.
    - `image.prebuilt`: Another image of AWS, such as sagemaker-xgboost.
    - `image.prebuilt.repository`: Repository of the image, such as sagemaker-xgboost.
    - `image.prebuilt.tag`: Tag of the image, such as 1.7-1.
    - `image.private_registry`: Marks uri as an image in a private registry, which SageMaker reaches through the model's network.
    - `image.private_registry.credentials_function_arn`: ARN of the Lambda function that returns the registry's credentials; null where it needs none.
    - `image.processor`: Processor of a framework image: cpu or gpu. Variable processor when it is null.
    - `image.python`: Python of a PyTorch image, such as py312. Needed for versions that are not in the list of this module.
    - `image.repository`: Image in Amazon ECR, in the model's region. Give tag or digest.
    - `image.repository.account_id`: Account of the repository; this account when it is null.
    - `image.repository.digest`: Digest of the image: sha256: and 64 hexadecimal digits.
    - `image.repository.name`: Name of the repository, such as team/serve.
    - `image.repository.tag`: Tag of the image.
    - `image.uri`: URI of an image in Amazon ECR with tag or digest, or of one in a private registry.
    - `image.version`: Version of the framework, such as 2.6.0.
    - `model_package`: Model package, which includes image and model data.
    - `model_package.arn`: ARN of the model package version.
    - `model_package.artifact_uri`: S3 URI of the package's artifact, which the execution role must read; null for AWS Marketplace packages.
    - `model_package.image_uri`: URI of the package's image, which the execution role must pull; null for AWS Marketplace packages.
    - `model_package.kms_key_arn`: ARN of the KMS key that encrypts the artifact, if it is not the deployment's.
    - `multi_model`: Archives below a prefix, each loaded when a request names it. Not for asynchronous endpoints.
    - `multi_model.cache_models`: Whether loaded models stay in memory.
    - `multi_model.kms_key_arn`: ARN of the KMS key that encrypts the archives, if it is not the deployment's.
    - `multi_model.s3_uri`: S3 prefix of the archives, which ends in a slash; the model prefix of storage when it is null.
    - `serving`: Settings of the model server, exported under the names that the SageMaker toolkit, TorchServe and Multi Model Server read.
    - `serving.exported`: Whether to export them; false leaves the container with the variables of environment alone.
    - `serving.max_request_bytes`: Largest request body in bytes, up to 1073741824.
    - `serving.max_response_bytes`: Largest response body in bytes, up to 1073741824.
    - `serving.program`: Python file with the handler functions, in the archive's code folder.
    - `serving.threads`: Threads per worker of the numeric libraries (OMP_NUM_THREADS, MKL_NUM_THREADS).
    - `serving.timeout_seconds`: Longest time of one invocation: 1 to 3600 seconds.
    - `serving.workers`: Worker processes of the model server.
  TEXT
  type = object({
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
      processor = optional(string)
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
      exported           = optional(bool, true)
      max_request_bytes  = optional(number, 104857600)
      max_response_bytes = optional(number, 104857600)
      program            = optional(string, "inference.py")
      threads            = optional(number, 2)
      timeout_seconds    = optional(number, 300)
      workers            = optional(number, 1)
    }), {})
  })
  nullable = false

  validation {
    condition     = (var.container.image == null) != (var.container.model_package == null)
    error_message = "Give either ${var.path}.image or ${var.path}.model_package: a model package includes its own image."
  }

  validation {
    condition = length([
      for data in [var.container.archive, var.container.data_source, var.container.model_package, var.container.multi_model] : true if data != null
    ]) <= 1
    error_message = "Give at most one of archive, data_source, model_package and multi_model in ${var.path}: a container has one kind of model data."
  }

  validation {
    condition     = var.container.archive == null || try((var.container.archive.path == null) != (var.container.archive.s3_uri == null), false)
    error_message = "Give exactly one of ${var.path}.archive.path (a local file) and ${var.path}.archive.s3_uri (an existing object)."
  }

  validation {
    condition     = try(var.container.archive.s3_uri, null) == null || can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+\\.tar\\.gz$", var.container.archive.s3_uri))
    error_message = "Field ${var.path}.archive.s3_uri must name a gzipped tar archive, such as s3://bucket/key.tar.gz; a prefix with an unpacked model goes into data_source."
  }

  validation {
    condition     = try(var.container.archive.path, null) == null || can(regex("\\.tar\\.gz$", var.container.archive.path))
    error_message = "Field ${var.path}.archive.path must name a gzipped tar archive: a file that ends in .tar.gz."
  }

  validation {
    condition     = try(var.container.archive.kms_key_arn, null) == null || try(var.container.archive.s3_uri, null) != null
    error_message = "Remove ${var.path}.archive.kms_key_arn: it belongs to archive.s3_uri, and an archive from archive.path is encrypted with the deployment's key."
  }

  validation {
    condition     = var.container.data_source == null || can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(.+/)?$", var.container.data_source.s3_uri))
    error_message = "Field ${var.path}.data_source.s3_uri must be a prefix that ends in a slash, such as s3://bucket/prefix/: without the slash, longer names match too."
  }

  validation {
    condition     = try(var.container.multi_model.s3_uri, null) == null || can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(.+/)?$", var.container.multi_model.s3_uri))
    error_message = "Field ${var.path}.multi_model.s3_uri must be a prefix that ends in a slash, such as s3://bucket/prefix/: without the slash, longer names match too."
  }

  validation {
    condition = alltrue([
      for data in [var.container.archive, var.container.data_source, var.container.model_package, var.container.multi_model] :
      can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", data.kms_key_arn)) if try(data.kms_key_arn, null) != null
    ])
    error_message = "Field kms_key_arn in ${var.path} must be the full ARN of a key (arn:aws:kms:region:account:key/id): IAM policies match keys, not aliases."
  }

  validation {
    condition     = alltrue([for name in keys(var.container.environment) : can(regex("^[a-zA-Z_][a-zA-Z0-9_]*$", name))])
    error_message = "Names in ${var.path}.environment must be letters, digits and underscores that do not begin with a digit."
  }

  validation {
    condition     = alltrue([for value in values(var.container.environment) : length(value) <= 1024])
    error_message = "Values in ${var.path}.environment must have at most 1024 characters, the longest Amazon SageMaker accepts; put longer ones into the archive."
  }

  validation {
    condition     = var.container.hostname == null || (can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", var.container.hostname)) && try(length(var.container.hostname) <= 63, false))
    error_message = "Field ${var.path}.hostname must be at most 63 letters, digits and hyphens that begin and end with a letter or a digit."
  }

  validation {
    condition = var.container.image == null || try(length([
      for source in [var.container.image.framework, var.container.image.prebuilt, var.container.image.repository, var.container.image.uri] : true if source != null
    ]) == 1, false)
    error_message = "Give exactly one of framework, prebuilt, repository and uri in ${var.path}.image."
  }

  validation {
    condition     = var.container.image == null || try((var.container.image.framework == null) == (var.container.image.version == null), false)
    error_message = "Give ${var.path}.image.framework and ${var.path}.image.version together, such as pytorch and 2.6.0."
  }

  validation {
    condition     = contains(["pytorch", "tensorflow"], try(coalesce(var.container.image.framework), "pytorch"))
    error_message = "Field ${var.path}.image.framework must be pytorch or tensorflow; other images of AWS go into image.prebuilt."
  }

  validation {
    condition     = try(var.container.image.version, null) == null || can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.container.image.version))
    error_message = "Field ${var.path}.image.version must have three numbers, such as 2.6.0."
  }

  validation {
    condition     = contains(["cpu", "gpu"], try(coalesce(var.container.image.processor), "cpu"))
    error_message = "Field ${var.path}.image.processor must be cpu or gpu; for another processor give image.prebuilt or image.uri."
  }

  validation {
    condition     = try(var.container.image.python, null) == null || can(regex("^py3[0-9]+$", var.container.image.python))
    error_message = "Field ${var.path}.image.python must be written as in the tags of the image, such as py312."
  }

  validation {
    condition = try(var.container.image.uri, null) == null || try(var.container.image.private_registry, null) != null || can(
      regex("^[0-9]{12}\\.dkr\\.ecr(?:-fips)?\\.[a-z0-9-]+\\.[a-z.]+/[^:@]+[:@].+$", var.container.image.uri)
    )
    error_message = "Field ${var.path}.image.uri must be an image in Amazon ECR with a tag or digest, such as account.dkr.ecr.region.amazonaws.com/repository:tag; an image in another registry needs image.private_registry."
  }

  validation {
    condition = try(var.container.image.private_registry, null) == null || (
      can(regex("^[^/\\s]+/[^@\\s]+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@\\S+)$", var.container.image.uri)) && try(length(var.container.image.uri) <= 255, false)
    )
    error_message = "Field ${var.path}.image.uri must be registry/repository with a tag or digest, at most 255 characters long, where image.private_registry is given."
  }

  validation {
    condition     = !try(strcontains(var.container.image.uri, "@"), false) || can(regex("@sha256:[0-9a-f]{64}$", var.container.image.uri))
    error_message = "A digest in ${var.path}.image.uri must be sha256: and 64 hexadecimal digits."
  }

  validation {
    condition = try(var.container.image.private_registry.credentials_function_arn, null) == null || can(
      regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[^:]+(:[^:]+)?$", var.container.image.private_registry.credentials_function_arn)
    )
    error_message = "Field ${var.path}.image.private_registry.credentials_function_arn must be the ARN of a Lambda function."
  }

  validation {
    condition = try(var.container.image.repository, null) == null || try(
      (var.container.image.repository.digest == null) != (var.container.image.repository.tag == null), false
    )
    error_message = "Give exactly one of ${var.path}.image.repository.tag and ${var.path}.image.repository.digest."
  }

  validation {
    condition     = try(var.container.image.repository.digest, null) == null || can(regex("^sha256:[0-9a-f]{64}$", var.container.image.repository.digest))
    error_message = "Field ${var.path}.image.repository.digest must be sha256: and 64 hexadecimal digits."
  }

  validation {
    condition     = try(var.container.image.repository, null) == null || can(regex("^[a-z0-9]+([._/-]+[a-z0-9]+)*$", var.container.image.repository.name))
    error_message = "Field ${var.path}.image.repository.name must be lowercase letters, digits and single separators, such as team/serve, without registry and tag."
  }

  validation {
    condition     = try(var.container.image.prebuilt, null) == null || can(regex("^[a-z0-9]+([._/-]+[a-z0-9]+)*$", var.container.image.prebuilt.repository))
    error_message = "Field ${var.path}.image.prebuilt.repository must be lowercase letters, digits and single separators, such as sagemaker-xgboost, without registry and tag."
  }

  validation {
    condition     = var.container.model_package == null || can(regex("^arn:[a-z-]+:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/\\S+$", var.container.model_package.arn))
    error_message = "Field ${var.path}.model_package.arn must be the ARN of a model package, such as arn:aws:sagemaker:region:account:model-package/group/version."
  }

  validation {
    condition     = alltrue([for bytes in [var.container.serving.max_request_bytes, var.container.serving.max_response_bytes] : bytes >= 1 && bytes <= 1073741824])
    error_message = "Fields max_request_bytes and max_response_bytes of ${var.path}.serving must be from 1 to 1073741824 bytes, the largest input of an asynchronous endpoint."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9_./-]+\\.py$", var.container.serving.program))
    error_message = "Field ${var.path}.serving.program must name a Python file in the archive's code folder, such as inference.py."
  }

  validation {
    condition     = alltrue([for count in [var.container.serving.threads, var.container.serving.workers] : count >= 1 && floor(count) == count])
    error_message = "Fields threads and workers of ${var.path}.serving must be whole numbers, 1 or more."
  }

  validation {
    condition     = var.container.serving.timeout_seconds >= 1 && var.container.serving.timeout_seconds <= 3600
    error_message = "Field ${var.path}.serving.timeout_seconds must be from 1 to 3600, the longest an asynchronous invocation may take."
  }
}

variable "path" {
  description = "How error messages refer to this container, such as containers[0]."
  type        = string
  default     = "container"
  nullable    = false
}

variable "processor" {
  description = "Processor of a framework image without image.processor: cpu, or gpu for a GPU instance type."
  type        = string
  default     = "cpu"
  nullable    = false

  validation {
    condition     = contains(["cpu", "gpu"], var.processor)
    error_message = "Variable processor must be cpu or gpu."
  }
}
