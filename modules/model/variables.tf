variable "archive" {
  description = "The model archive (model.tar.gz): either path, a local file to upload below the model prefix, or s3_uri, an object that exists. The key that encrypts such an object goes into kms_key_arn."
  type = object({
    kms_key_arn = optional(string)
    path        = optional(string)
    s3_uri      = optional(string)
  })
  nullable = false

  validation {
    condition     = length(compact([var.archive.path, var.archive.s3_uri])) == 1
    error_message = "Give exactly one of archive.path (a local file) and archive.s3_uri (an object that exists)."
  }

  validation {
    condition     = var.archive.s3_uri == null || can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+\\.tar\\.gz$", var.archive.s3_uri))
    error_message = "Field archive.s3_uri must name a gzipped tar archive as s3://bucket/key.tar.gz."
  }

  validation {
    condition     = var.archive.path == null || can(regex("\\.tar\\.gz$", var.archive.path))
    error_message = "Field archive.path must name a gzipped tar archive, a file that ends in .tar.gz."
  }

  validation {
    condition     = var.archive.kms_key_arn == null || var.archive.s3_uri != null
    error_message = "Field archive.kms_key_arn belongs to archive.s3_uri; leave it out with archive.path, which is encrypted with the key of the deployment."
  }
}

variable "endpoint_name" {
  description = "Name of the endpoint that will serve the model; the role may write to its log group alone."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "Container environment. Wins over everything derived from serving."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.environment) : can(regex("^[a-zA-Z_][a-zA-Z0-9_]*$", key))])
    error_message = "Every key of environment must be a name of letters, digits and underscores that does not begin with a digit."
  }

  validation {
    condition     = alltrue([for value in values(var.environment) : length(value) <= 1024])
    error_message = "Every value of environment must be at most 1024 characters, the longest Amazon SageMaker accepts; put longer ones into the archive."
  }
}

variable "image" {
  description = "The serving image: either uri, in Amazon ECR, or the AWS Deep Learning Container of a framework (pytorch, tensorflow) and version, for a processor (cpu, gpu). Only an unlisted PyTorch version needs python (such as py312)."
  type = object({
    framework = optional(string)
    processor = optional(string, "cpu")
    python    = optional(string)
    uri       = optional(string)
    version   = optional(string)
  })
  nullable = false

  validation {
    condition     = (var.image.uri == null) != (var.image.framework == null && var.image.version == null)
    error_message = "Give either image.uri or image.framework with image.version, not both."
  }

  validation {
    condition     = (var.image.framework == null) == (var.image.version == null)
    error_message = "Give image.framework and image.version together, such as pytorch and 2.6.0."
  }

  validation {
    condition     = var.image.framework == null || contains(["pytorch", "tensorflow"], coalesce(var.image.framework, "-"))
    error_message = "Field image.framework must be pytorch or tensorflow; for another framework give image.uri."
  }

  validation {
    condition     = var.image.version == null || can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.image.version))
    error_message = "Field image.version must have three numbers, such as 2.6.0."
  }

  validation {
    condition     = contains(["cpu", "gpu"], var.image.processor)
    error_message = "Field image.processor must be cpu or gpu; for another processor give image.uri."
  }

  validation {
    condition     = var.image.python == null || can(regex("^py3[0-9]+$", var.image.python))
    error_message = "Field image.python must be written as in the tags of the image, such as py312."
  }

  validation {
    condition     = var.image.uri == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.[a-z.]+/[^:@]+[:@].+$", var.image.uri))
    error_message = "Field image.uri must be an image in Amazon ECR with a tag or digest: account.dkr.ecr.region.amazonaws.com/repository:tag."
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

variable "serving" {
  description = "How the container serves: seconds one request may take, worker processes, threads a worker, largest bodies in bytes, and the program in the code folder of the archive."
  type = object({
    max_request_bytes  = optional(number, 104857600)
    max_response_bytes = optional(number, 104857600)
    program            = optional(string, "inference.py")
    threads            = optional(number, 2)
    timeout_seconds    = optional(number, 300)
    workers            = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for size in [var.serving.max_request_bytes, var.serving.max_response_bytes] : size >= 1 && size <= 1073741824])
    error_message = "Fields serving.max_request_bytes and serving.max_response_bytes must be from 1 to 1073741824 bytes, the largest input of an asynchronous endpoint."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9_./-]+\\.py$", var.serving.program))
    error_message = "Field serving.program must name a Python file in the code folder of the archive, such as inference.py."
  }

  validation {
    condition     = alltrue([for count in [var.serving.threads, var.serving.workers] : count >= 1 && floor(count) == count])
    error_message = "Fields serving.threads and serving.workers must be whole numbers, 1 or more."
  }

  validation {
    condition     = var.serving.timeout_seconds >= 1 && var.serving.timeout_seconds <= 3600
    error_message = "Field serving.timeout_seconds must be from 1 to 3600, the longest an asynchronous invocation may take."
  }
}

variable "storage" {
  description = "Where the model is kept, inputs are read and results are written: outputs of module storage."
  type = object({
    bucket_arn  = string
    bucket_name = string
    kms_key_arn = string
    prefixes = object({
      failure = string
      input   = string
      model   = string
      output  = string
    })
  })
  nullable = false
}

variable "topic_arns" {
  description = "Topics the endpoint announces results on, by outcome."
  type = object({
    error   = string
    success = string
  })
  nullable = false
}
