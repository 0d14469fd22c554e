locals {
  # The key of each local file contains the hash of its content: a new archive is a new object, and so a new model.
  _keys = {
    for path in toset(compact([for container in var.containers : try(container.archive.path, null)])) :
    path => "${var.storage.prefixes.model}${substr(try(filesha256(path), "absent"), 0, 16)}/${basename(path)}"
  }

  _model_uri = var.storage.prefixes.model == null ? null : "s3://${var.storage.bucket_name}/${var.storage.prefixes.model}"

  # What SageMaker reads as model data: an archive, or the prefix of a multi-model container. Null without either.
  model_data_urls = [
    for container in var.containers : (
      try(container.archive.path, null) != null
      ? "s3://${aws_s3_object.archive[local._keys[container.archive.path]].bucket}/${local._keys[container.archive.path]}"
      : container.multi_model == null ? container.model_data_url : try(coalesce(container.model_data_url, local._model_uri), null)
    )
  ]

  archives = [
    for index, container in var.containers : {
      uri        = local.model_data_urls[index]
      sha256     = container.archive.sha256
      version_id = container.archive.path == null ? container.archive.version_id : try(coalesce(terraform_data.archive_version[local._keys[container.archive.path]].output), null)
    } if container.archive != null
  ]
}

# Keyed by object key, not by position or path: an archive that moves in the list or on disk remains the same object.
resource "aws_s3_object" "archive" {
  for_each = { for path, key in local._keys : key => path... }

  bucket = var.storage.bucket_name
  key    = each.key
  source = each.value[0]
  tags   = var.tags

  lifecycle {
    create_before_destroy = true

    # A precondition and not a validation, so that an environment can be destroyed after its archive is deleted.
    precondition {
      condition     = fileexists(each.value[0])
      error_message = "There is no file ${each.value[0]}; build the archive first (async-endpoint package), or give archive.s3_uri."
    }

    # With the provider's default_tags, which variable tags does not have.
    postcondition {
      condition     = length(self.tags_all) <= 10
      error_message = "Remove some of tags, or of the provider's default_tags: the model archive would have ${length(self.tags_all)} tags together, and Amazon S3 accepts 10 on an object."
    }
  }
}

# The version that was uploaded. A refresh would record an archive that was overwritten in place; this keeps the applied version, so
# that verification can distinguish them.
resource "terraform_data" "archive_version" {
  for_each = aws_s3_object.archive

  input = each.value.version_id

  lifecycle {
    ignore_changes = [input]
  }
}
