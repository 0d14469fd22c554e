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

# The version that was uploaded. A refresh takes an archive that was overwritten in place for the one that was applied; this does not,
# so that verification can tell them apart.
resource "terraform_data" "archive_version" {
  for_each = aws_s3_object.archive

  input = each.value.version_id

  lifecycle {
    ignore_changes = [input]
  }
}

locals {
  # By place. What is known beforehand is that there is an archive and no path, not the address, which may be made in the same apply.
  _supplied = {
    for place, container in var.containers : tostring(place) => split("/", trimprefix(container.archive.s3_uri, "s3://"))
    if container.archive != null && try(container.archive.path, null) == null && try(container.archive.record_version, false)
  }

  archives = [
    for place, container in var.containers : {
      uri    = local.model_data_urls[place]
      sha256 = container.archive.path == null ? null : try(filesha256(container.archive.path), null)
      version_id = try(coalesce(
        container.archive.path != null ? terraform_data.archive_version[local._keys[container.archive.path]].output : data.aws_s3_object.supplied[tostring(place)].version_id
      ), null)
    } if container.archive != null
  ]
}

data "aws_s3_object" "supplied" {
  for_each = local._supplied

  bucket = each.value[0]
  key    = join("/", slice(each.value, 1, length(each.value)))
}
