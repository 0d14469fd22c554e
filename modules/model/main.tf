data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account   = data.aws_caller_identity.current.account_id
  _partition = data.aws_partition.current.partition
  _region    = data.aws_region.current.id

  # Containers in the terms of CreateModel.
  containers = [
    for index, container in var.containers : {
      environment      = container.environment
      hostname         = container.hostname
      image            = container.image_uri
      mode             = container.multi_model == null ? "SingleModel" : "MultiModel"
      model_cache      = container.multi_model == null ? null : container.multi_model.cache_models ? "Enabled" : "Disabled"
      model_data       = container.data_source
      model_data_url   = local.model_data_urls[index]
      model_package    = try(container.model_package.arn, null)
      private_registry = container.private_registry
    }
  ]

  _immutable = {
    containers        = local.containers
    invocation        = var.model.invocation
    network           = var.network
    network_isolation = var.model.network_isolation
    role              = try(var.model.role.existing.arn, "${var.model.role.path}${var.names.role}", var.model.role.path)
  }

  # Bytes of names and values, limited to 32 KB for all containers together (API reference, ContainerDefinition).
  _environment_bytes = sum([for container in var.containers : length(join("", concat(keys(container.environment), values(container.environment))))])
}

# Changes with the model, and never repeats: after a rollback the model in service still exists, and one with the same content needs
# another name.
resource "terraform_data" "version" {
  triggers_replace = sha256(jsonencode(local._immutable))

  lifecycle {
    create_before_destroy = true
  }
}

# A model is immutable. Each version has a name of its own, so that a new one can exist beside the one in service.
resource "aws_sagemaker_model" "this" {
  #checkov:skip=CKV_AWS_370:Isolation is the caller's choice: a container that installs its requirements when it starts needs the network.
  name                     = "${var.name}-${substr(sha256(terraform_data.version.id), 0, 12)}"
  enable_network_isolation = var.model.network_isolation
  execution_role_arn       = local.role_arn
  tags                     = var.tags

  # A single container is the primary one: AWS documents a list of containers for pipelines and multi-container endpoints, and shows
  # no asynchronous endpoint with a list. HCL cannot generate a block of a computed type, so the body is written twice; a test
  # compares the two.
  dynamic "primary_container" {
    for_each = length(local.containers) == 1 ? local.containers : []
    iterator = container

    content {
      container_hostname = container.value.hostname
      environment        = container.value.environment
      image              = container.value.image
      mode               = container.value.mode
      model_data_url     = container.value.model_data_url
      model_package_name = container.value.model_package

      dynamic "image_config" {
        for_each = container.value.private_registry[*]

        content {
          repository_access_mode = "Vpc"

          dynamic "repository_auth_config" {
            for_each = image_config.value.credentials_function_arn[*]

            content {
              repository_credentials_provider_arn = repository_auth_config.value
            }
          }
        }
      }

      dynamic "model_data_source" {
        for_each = container.value.model_data[*]

        content {
          s3_data_source {
            compression_type = "None"
            s3_data_type     = "S3Prefix"
            s3_uri           = model_data_source.value.s3_uri

            dynamic "model_access_config" {
              for_each = model_data_source.value.accept_eula[*]

              content {
                accept_eula = model_access_config.value
              }
            }
          }
        }
      }

      dynamic "multi_model_config" {
        for_each = container.value.model_cache[*]

        content {
          model_cache_setting = multi_model_config.value
        }
      }
    }
  }

  dynamic "container" {
    for_each = length(local.containers) > 1 ? local.containers : []

    content {
      container_hostname = container.value.hostname
      environment        = container.value.environment
      image              = container.value.image
      mode               = container.value.mode
      model_data_url     = container.value.model_data_url
      model_package_name = container.value.model_package

      dynamic "image_config" {
        for_each = container.value.private_registry[*]

        content {
          repository_access_mode = "Vpc"

          dynamic "repository_auth_config" {
            for_each = image_config.value.credentials_function_arn[*]

            content {
              repository_credentials_provider_arn = repository_auth_config.value
            }
          }
        }
      }

      dynamic "model_data_source" {
        for_each = container.value.model_data[*]

        content {
          s3_data_source {
            compression_type = "None"
            s3_data_type     = "S3Prefix"
            s3_uri           = model_data_source.value.s3_uri

            dynamic "model_access_config" {
              for_each = model_data_source.value.accept_eula[*]

              content {
                accept_eula = model_access_config.value
              }
            }
          }
        }
      }

      dynamic "multi_model_config" {
        for_each = container.value.model_cache[*]

        content {
          model_cache_setting = multi_model_config.value
        }
      }
    }
  }

  dynamic "inference_execution_config" {
    for_each = length(var.containers) > 1 ? [var.model.invocation] : []

    content {
      mode = title(inference_execution_config.value)
    }
  }

  dynamic "vpc_config" {
    for_each = length(var.network.subnet_ids) > 0 ? [var.network] : []

    content {
      security_group_ids = vpc_config.value.security_group_ids
      subnets            = vpc_config.value.subnet_ids
    }
  }

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = local._environment_bytes <= 32768
      error_message = "Shorten the environments of the containers: they have ${local._environment_bytes} bytes together, and Amazon SageMaker accepts 32768. Put long values into the archive."
    }
  }

  # SageMaker checks that the role can read the archive; the provider retries a refusal for two minutes.
  depends_on = [aws_iam_role_policy.execution]
}
