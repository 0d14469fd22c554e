locals {
  # The key of each local file carries the hash of its content: a new archive is a new object, and so a new model.
  _keys = {
    for path in toset(compact([for archive in var.containers[*].archive : try(archive.path, null)])) :
    path => "${var.storage.prefixes.model}${substr(try(filesha256(path), "absent"), 0, 16)}/${basename(path)}"
  }

  _model_uri = var.storage.prefixes.model == null ? null : "s3://${var.storage.bucket_name}/${var.storage.prefixes.model}"

  # What SageMaker reads as model data: an archive, or the prefix of a multi-model container. Null where there is none.
  model_data_urls = [
    for container in var.containers : (
      try(container.archive.path, null) != null
      ? "s3://${aws_s3_object.archive[local._keys[container.archive.path]].bucket}/${local._keys[container.archive.path]}"
      : container.archive != null ? container.archive.s3_uri
      : container.multi_model != null ? try(coalesce(container.multi_model.s3_uri, local._model_uri), null)
      : null
    )
  ]
}

# By key and not by place or path: what is moved in the list or on the disk stays the object it is.
resource "aws_s3_object" "archive" {
  for_each = { for path, key in local._keys : key => path... }

  bucket = var.storage.bucket_name
  key    = each.key
  source = each.value[0]

  lifecycle {
    create_before_destroy = true

    # A precondition and not a validation, so that an environment can be destroyed after its archive is gone.
    precondition {
      condition     = fileexists(each.value[0])
      error_message = "There is no file at archive.path; build the archive first (async-endpoint package), or give archive.s3_uri."
    }
  }
}
