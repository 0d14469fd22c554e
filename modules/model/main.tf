locals {
  _archive_hash = try(filesha256(var.archive.path), "absent")

  archive_uri = var.archive.path == null ? var.archive.s3_uri : "s3://${aws_s3_object.archive[0].bucket}/${aws_s3_object.archive[0].key}"

  container = {
    environment    = local.environment
    image          = local.image_uri
    model_data_url = local.archive_uri
  }
}

# The key carries the hash of the content: a new archive is a new object, and so a new model.
resource "aws_s3_object" "archive" {
  count = var.archive.path == null ? 0 : 1

  bucket = var.storage.bucket_name
  key    = "${var.storage.prefixes.model}${substr(local._archive_hash, 0, 16)}/${basename(var.archive.path)}"
  source = var.archive.path

  lifecycle {
    create_before_destroy = true

    # A precondition and not a validation, so that an environment can be destroyed after its archive is gone.
    precondition {
      condition     = fileexists(var.archive.path)
      error_message = "There is no file at archive.path; build the archive first (async-endpoint package), or give archive.s3_uri."
    }
  }
}

# A model is immutable. Its name carries the hash of its content, so that a new one can stand beside the one in use.
resource "aws_sagemaker_model" "this" {
  name               = "${var.name}-${substr(sha256(jsonencode(local.container)), 0, 12)}"
  execution_role_arn = aws_iam_role.execution.arn

  primary_container {
    environment    = local.container.environment
    image          = local.container.image
    model_data_url = local.container.model_data_url
  }

  lifecycle {
    create_before_destroy = true
  }

  # SageMaker checks that the role can read the archive; the provider repeats a refusal for two minutes.
  depends_on = [aws_iam_role_policy.execution]
}
