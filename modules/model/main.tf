locals {
  # Each container as CreateModel takes it; its body is written once, below.
  containers = [
    for place, container in var.containers : {
      environment      = local.environments[place]
      hostname         = container.hostname
      image            = local.image_uris[place]
      mode             = container.multi_model == null ? "SingleModel" : "MultiModel"
      model_cache      = container.multi_model == null ? null : container.multi_model.cache_models ? "Enabled" : "Disabled"
      model_data       = container.data_source
      model_data_url   = local.model_data_urls[place]
      model_package    = try(container.model_package.arn, null)
      private_registry = try(container.image.private_registry, null)
    }
  ]

  _immutable = {
    containers        = local.containers
    invocation        = var.invocation
    network_isolation = var.network_isolation
    role              = try(var.role.existing.arn, var.role.path)
    vpc               = var.vpc
  }
}

# Changes whenever the model does, and never back: after a rollback the model that serves is still there, and one with the same
# content needs another name.
resource "terraform_data" "version" {
  triggers_replace = sha256(jsonencode(local._immutable))

  lifecycle {
    create_before_destroy = true
  }
}

# A model is immutable. Each version has a name of its own, so that a new one can stand beside the one in use.
resource "aws_sagemaker_model" "this" {
  #checkov:skip=CKV_AWS_370:Isolation is the caller's choice: a container that installs its requirements when it starts needs the network.
  name                     = "${var.name}-${substr(sha256(terraform_data.version.id), 0, 12)}"
  enable_network_isolation = var.network_isolation
  execution_role_arn       = local.role_arn

  # One container is a list of one, as in AWS's own multi-model and Autopilot examples: beside it, primary_container would be
  # the same body a second time.
  dynamic "container" {
    for_each = local.containers

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
    for_each = length(var.containers) > 1 ? [var.invocation] : []

    content {
      mode = title(inference_execution_config.value)
    }
  }

  dynamic "vpc_config" {
    for_each = length(var.vpc.subnet_ids) > 0 ? [var.vpc] : []

    content {
      security_group_ids = vpc_config.value.security_group_ids
      subnets            = vpc_config.value.subnet_ids
    }
  }

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = alltrue([for environment in local.environments : length(environment) <= 100])
      error_message = "A container has more than 100 environment variables, those derived from serving included; Amazon SageMaker accepts 100. Put the others into the archive."
    }

    precondition {
      condition     = local._environment_bytes <= 32768
      error_message = "Environments of all containers have ${local._environment_bytes} bytes together; Amazon SageMaker accepts 32768. Put long values into the archive."
    }

    precondition {
      condition     = alltrue([for registry in local._registries : registry[3] == data.aws_region.current.name])
      error_message = "Images must lie in ${data.aws_region.current.name}, where the model is made: Amazon SageMaker pulls from Amazon ECR of its own region. Replicate the repository."
    }
  }

  # SageMaker checks that the role can read the archive; the provider repeats a refusal for two minutes.
  depends_on = [aws_iam_role_policy.execution]
}
