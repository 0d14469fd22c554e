# Names of a model's versions. Each run is applied over the previous one.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/shop-test-eu-west-1-execution" }
  }
}

variables {
  name           = "shop-test"
  endpoint_names = ["shop-test"]
  containers     = [{ archive = {}, image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1", model_data_url = "s3://models/shop/model.tar.gz" }]
  storage = {
    bucket_arn  = "arn:aws:s3:::shop"
    bucket_name = "shop"
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
    prefixes    = { failure = "failure/", input = "input/", model = "model/", output = "output/" }
  }
  topic_arns = {
    error   = "arn:aws:sns:eu-west-1:123456789012:shop-test-error"
    success = "arn:aws:sns:eu-west-1:123456789012:shop-test-success"
  }
}

run "first_version" {
  variables {
    containers = [{ archive = { path = "./tests/archive.tar.gz" }, image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1" }]
  }

  assert {
    condition     = can(regex("^shop-test-[0-9a-f]{12}$", aws_sagemaker_model.this.name))
    error_message = "The name of a model must consist of its prefix and its version."
  }
}

run "same_version" {
  variables {
    containers = [{ archive = { path = "./tests/archive.tar.gz" }, image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1" }]
  }

  assert {
    condition     = aws_sagemaker_model.this.name == run.first_version.name
    error_message = "A model that does not change keeps its name."
  }
}

run "another_archive" {
  variables {
    containers = [{ archive = {}, image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1", model_data_url = "s3://models/shop/model.tar.gz" }]
  }

  assert {
    condition     = aws_sagemaker_model.this.name != run.same_version.name
    error_message = "Another archive must create a model with another name."
  }
}

run "another_environment" {
  variables {
    containers = [{ archive = {}, image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1", model_data_url = "s3://models/shop/model.tar.gz", environment = { EMBEDDER = "clip" } }]
  }

  assert {
    condition     = aws_sagemaker_model.this.name != run.another_archive.name
    error_message = "Another environment must create a model with another name."
  }
}

run "first_version_again" {
  variables {
    containers = [{ archive = { path = "./tests/archive.tar.gz" }, image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1" }]
  }

  assert {
    condition     = aws_sagemaker_model.this.name != run.first_version.name
    error_message = "After a rollback the model in service still exists: restoring its content must create a model with another name."
  }
}
