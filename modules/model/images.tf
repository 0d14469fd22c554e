locals {
  # Python of each PyTorch release (github.com/aws/deep-learning-containers, available_images.md).
  _pytorch_pythons = {
    "2.1" = "py310"
    "2.2" = "py310"
    "2.3" = "py311"
    "2.4" = "py311"
    "2.5" = "py311"
    "2.6" = "py312"
  }
  _pythons = [
    for image in var.containers[*].image :
    try(coalesce(image.python, lookup(local._pytorch_pythons, regex("^[0-9]+\\.[0-9]+", image.version), null)), null)
  ]

  # AWS's own images, by the container's place: repository and tag. The account of the registry differs by image and region.
  _prebuilt = {
    for place, image in var.containers[*].image : tostring(place) => image.prebuilt != null ? image.prebuilt : {
      repository = "${image.framework}-inference"
      tag        = join("-", compact([image.version, image.processor, image.framework == "pytorch" ? local._pythons[place] : null]))
    } if try(image.framework, null) != null || try(image.prebuilt, null) != null
  }

  _registry = "dkr.ecr.${local._region}.${data.aws_partition.current.dns_suffix}"

  # Null for a model package, which brings its own.
  image_uris = [
    for place, image in var.containers[*].image : (
      image == null ? null
      : image.uri != null ? image.uri
      : image.repository != null ? join("", [
        "${coalesce(image.repository.account_id, local._account)}.${local._registry}/${image.repository.name}",
        image.repository.digest != null ? "@${image.repository.digest}" : ":${image.repository.tag}",
      ])
      : data.aws_sagemaker_prebuilt_ecr_image.this[tostring(place)].registry_path
    )
  ]
}

data "aws_sagemaker_prebuilt_ecr_image" "this" {
  for_each = local._prebuilt

  repository_name = each.value.repository
  image_tag       = each.value.tag

  lifecycle {
    precondition {
      condition     = try(var.containers[each.key].image.framework != "pytorch", true) || local._pythons[each.key] != null
      error_message = "The Python of PyTorch ${coalesce(var.containers[each.key].image.version, "-")} is not known here; give image.python, such as py312."
    }
  }
}
