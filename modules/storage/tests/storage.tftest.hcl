mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }
}

variables {
  name = "shop-test"
}

run "bucket" {
  assert {
    condition     = aws_s3_bucket.this.bucket == "shop-test-123456789012-eu-west-1" && !aws_s3_bucket.this.force_destroy
    error_message = "The name must be unique by account and region, and objects must survive unless asked otherwise."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Public access must be blocked in all four ways."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Objects must be versioned."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "The bucket owner must own every object."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.bucket.statement :
      statement.effect == "Deny" && contains(statement.actions, "s3:*") && length(statement.resources) == 2
      && alltrue([for rule in statement.condition : rule.variable == "aws:SecureTransport" && rule.values == tolist(["false"])])
    ]) && length(data.aws_iam_policy_document.bucket.statement) == 1
    error_message = "Every action without TLS must be denied, on the bucket and on its objects."
  }

  assert {
    condition = output.uris == {
      failure = "s3://shop-test-123456789012-eu-west-1/failure/"
      input   = "s3://shop-test-123456789012-eu-west-1/input/"
      model   = "s3://shop-test-123456789012-eu-west-1/model/"
      output  = "s3://shop-test-123456789012-eu-west-1/output/"
    }
    error_message = "Every role has a URI that ends in a slash."
  }
}

run "encryption" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key must rotate, and be restorable for as long as possible."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      rule.bucket_key_enabled && rule.apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.this.arn
      && rule.apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
    ])
    error_message = "Objects must be encrypted with the key of the deployment, by a bucket key."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.key.statement :
      statement.sid => one([for principal in statement.principals : one(principal.identifiers)])
      } == {
      DelegateToIam     = "arn:aws:iam::123456789012:root"
      DeliverFromTopics = "sns.amazonaws.com"
    }
    error_message = "The key must be governed by the account's IAM, and serve Amazon SNS."
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.key.statement :
      sort(statement.actions) == tolist(["kms:Decrypt", "kms:GenerateDataKey"])
      && one(statement.condition).variable == "aws:SourceArn"
      && one(statement.condition).values == tolist(["arn:aws:sns:eu-west-1:123456789012:shop-test-*"])
      if statement.sid == "DeliverFromTopics"
    ])
    error_message = "Amazon SNS must be able to encrypt for queues, on behalf of this deployment's topics only."
  }
}

run "lifecycle" {
  command = plan

  variables {
    expire_after_days = { failure = 3, input = 1, noncurrent = 4, output = 2 }
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      rule.filter[0].prefix => rule.expiration[0].days if rule.id != "remove-leftovers"
    } == { "failure/" = 3, "input/" = 1, "output/" = 2 }
    error_message = "Inputs, outputs and failures must expire; models must not."
  }

  assert {
    condition = one([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      rule.abort_incomplete_multipart_upload[0].days_after_initiation == 1
      && rule.noncurrent_version_expiration[0].noncurrent_days == 4
      && rule.expiration[0].expired_object_delete_marker
      if rule.id == "remove-leftovers"
    ])
    error_message = "Old versions, their markers and aborted uploads must not pile up."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.status == "Enabled"])
    error_message = "Every rule must be in force."
  }
}
