output "archive" {
  description = "The model archive: path of a local file to upload, with its sha256; version_id of one at s3_uri. Null without an archive."
  value       = local.archive
}

output "data_source" {
  description = "The unpacked model: accept_eula and s3_uri. Null without one."
  value       = var.container.data_source
}

output "ecr_uris" {
  description = "Images that the execution role must pull from Amazon ECR."
  value       = local.ecr_uris

  precondition {
    condition     = alltrue([for uri in local.ecr_uris : split(".", uri)[3] == local._region])
    error_message = "The image of ${var.path} must be in ${local._region}, the model's region: Amazon SageMaker does not pull from Amazon ECR of other regions. Replicate the repository."
  }
}

output "environment" {
  description = "Environment variables: those derived from serving, overridden by environment."
  value       = local.environment

  precondition {
    condition     = length(local.environment) <= 100
    error_message = "Remove some of ${var.path}.environment: with those derived from serving it has ${length(local.environment)} variables, and Amazon SageMaker accepts 100. Put the others into the archive."
  }
}

output "hostname" {
  description = "Name of the container in a model with several; null without one."
  value       = var.container.hostname
}

output "image_uri" {
  description = "URI of the image; null for a model package."
  value       = local.image_uri
}

output "invocation_timeout_seconds" {
  description = "Longest time of one invocation, in seconds."
  value       = var.container.serving.timeout_seconds
}

output "kms_key_arns" {
  description = "ARNs of the KMS keys that the execution role needs to read the model data."
  value       = local.kms_key_arns

  precondition {
    condition     = alltrue([for region in concat(local._bucket_regions, local._key_regions) : region == local._region])
    error_message = "Copy the model data of ${var.path} to a bucket in ${local._region}, the model's region: it is in ${join(", ", distinct(concat(local._bucket_regions, local._key_regions)))}, by the name of its bucket or its key, and Amazon SageMaker does not read model data of other regions."
  }
}

output "model_data_url" {
  description = "S3 URI of an existing archive, or prefix of a multi-model container; null without one."
  value       = local.model_data_url
}

output "model_package" {
  description = "The model package: arn and artifact_uri. Null without one."
  value       = var.container.model_package

  precondition {
    condition     = var.container.model_package == null || try(split(":", var.container.model_package.arn)[3] == local._region, false)
    error_message = "The model package of ${var.path} must be in ${local._region}, the model's region: Amazon SageMaker does not find those of other regions."
  }
}

output "multi_model" {
  description = "The multi-model container: cache_models. Null for a container with a single model."
  value       = var.container.multi_model
}

output "private_registry" {
  description = "The private registry of the image: credentials_function_arn. Null for an image in Amazon ECR."
  value       = try(local._image.private_registry, null)

  precondition {
    condition     = try(local._image.private_registry.credentials_function_arn, null) == null || try(split(":", local._image.private_registry.credentials_function_arn)[3] == local._region, false)
    error_message = "The credentials function of ${var.path}.image.private_registry must be in ${local._region}, the model's region."
  }
}
