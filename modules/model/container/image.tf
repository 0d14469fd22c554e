locals {
  _image = var.container.image

  # Python of each PyTorch release (github.com/aws/deep-learning-containers, available_images.md).
  _pytorch_pythons = {
    "2.1" = "py310"
    "2.2" = "py310"
    "2.3" = "py311"
    "2.4" = "py311"
    "2.5" = "py311"
    "2.6" = "py312"
  }
  _python    = try(coalesce(local._image.python, lookup(local._pytorch_pythons, regex("^[0-9]+\\.[0-9]+", local._image.version), null)), null)
  _processor = try(coalesce(local._image.processor), var.processor)

  # An image of AWS: its registry's account differs by image and region.
  _prebuilt = try(local._image.prebuilt, null) != null ? local._image.prebuilt : try(local._image.framework, null) == null ? null : {
    repository = "${local._image.framework}-inference"
    tag        = join("-", compact([local._image.version, local._processor, local._image.framework == "pytorch" ? local._python : null]))
  }

  # Null for a model package, which includes its image.
  image_uri = (
    local._image == null ? null
    : local._image.uri != null ? local._image.uri
    : local._image.repository != null ? join("", [
      "${coalesce(local._image.repository.account_id, data.aws_caller_identity.current.account_id)}.dkr.ecr.${local._region}.${data.aws_partition.current.dns_suffix}/",
      local._image.repository.name,
      local._image.repository.digest != null ? "@${local._image.repository.digest}" : ":${local._image.repository.tag}",
    ])
    : data.aws_sagemaker_prebuilt_ecr_image.this[0].registry_path
  )

  # Images that SageMaker pulls from Amazon ECR: account.dkr.ecr.region.…
  ecr_uris = compact([try(local._image.private_registry, null) == null ? local.image_uri : null, try(var.container.model_package.image_uri, null)])
}

data "aws_sagemaker_prebuilt_ecr_image" "this" {
  count = local._prebuilt == null ? 0 : 1

  repository_name = local._prebuilt.repository
  image_tag       = local._prebuilt.tag

  lifecycle {
    precondition {
      condition     = try(local._image.framework != "pytorch", true) || local._python != null
      error_message = "Give ${var.path}.image.python, such as py312: the Python of PyTorch ${try(coalesce(local._image.version), "-")} is not in the list of this module."
    }
  }
}
