mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::shop" }
  }
}

variables {
  name = "shop-test"
}

run "bucket" {
  assert {
    condition     = aws_s3_bucket.this[0].bucket == "shop-test-123456789012-eu-west-1" && !aws_s3_bucket.this[0].force_destroy
    error_message = "The name must be unique per account and region, and objects must survive by default."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this[0].block_public_acls,
      aws_s3_bucket_public_access_block.this[0].block_public_policy,
      aws_s3_bucket_public_access_block.this[0].ignore_public_acls,
      aws_s3_bucket_public_access_block.this[0].restrict_public_buckets,
    ])
    error_message = "Public access must be blocked in all four ways."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this[0].versioning_configuration[0].status == "Enabled"
    error_message = "Objects must be versioned."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this[0].rule[0].object_ownership == "BucketOwnerEnforced"
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
      credentials = "s3://shop-test-123456789012-eu-west-1/credentials/"
      failure     = "s3://shop-test-123456789012-eu-west-1/failure/"
      input       = "s3://shop-test-123456789012-eu-west-1/input/"
      model       = "s3://shop-test-123456789012-eu-west-1/model/"
      output      = "s3://shop-test-123456789012-eu-west-1/output/"
      predictions = "s3://shop-test-123456789012-eu-west-1/predictions/"
    }
    error_message = "Every role has a URI that ends in a slash."
  }
}

run "encryption" {
  assert {
    condition     = aws_kms_key.this[0].enable_key_rotation && aws_kms_key.this[0].deletion_window_in_days == 30
    error_message = "The key must rotate, and be restorable for as long as possible."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this[0].rule :
      rule.bucket_key_enabled && rule.apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.this[0].arn
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
      EncryptLogs       = "logs.eu-west-1.amazonaws.com"
    }
    error_message = "The key must be governed by the account's IAM, and serve Amazon SNS and Amazon CloudWatch Logs."
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

run "key_of_topics_elsewhere" {
  command = plan

  variables {
    topic_arns = ["arn:aws:sns:eu-west-1:123456789012:team-results"]
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.key.statement : one(statement.condition).values if statement.sid == "DeliverFromTopics"
    ]) == tolist(["arn:aws:sns:eu-west-1:123456789012:shop-test-*", "arn:aws:sns:eu-west-1:123456789012:team-results"])
    error_message = "Topics of another name must be able to deliver too."
  }
}

run "storage_that_endpoints_share" {
  command = plan

  variables {
    endpoint_names = ["*-test"]
    topic_arns     = ["arn:aws:sns:eu-west-1:123456789012:team-results"]
    storage        = { expire_after_days = {} }
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.key.statement : statement.sid => one(statement.condition).values if length(statement.condition) > 0
      } == {
      DeliverFromTopics = tolist(["arn:aws:sns:eu-west-1:123456789012:*-test-*", "arn:aws:sns:eu-west-1:123456789012:team-results"])
      EncryptLogs       = tolist(["arn:aws:logs:eu-west-1:123456789012:log-group:**-test*"])
    }
    error_message = "Topics and log groups of every endpoint that the pattern covers must be able to use the key."
  }

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "With expire_after_days = {} there must be no lifecycle rules."
  }

  assert {
    condition = output.shared.endpoint_names == toset(["*-test"]) && output.shared.topic_arns == tolist(["arn:aws:sns:eu-west-1:123456789012:team-results"]) && output.shared.prefixes == {
      credentials = "credentials/"
      failure     = "failure/"
      input       = "input/"
      model       = "model/"
      output      = "output/"
      predictions = "predictions/"
    }
    error_message = "Endpoints must receive their prefixes, and the names that the key serves."
  }
}

run "readers_of_another_account" {
  command = plan

  variables {
    storage = {
      prefixes = { output = "results/out/", failure = "results/failed/" }
      readers  = { Analysts = { principal_arns = ["arn:aws:iam::210987654321:root"] } }
    }
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.bucket.statement :
      statement.sid => jsonencode([statement.actions, sort(statement.resources), one(statement.principals).identifiers]) if statement.sid != "DenyInsecureTransport"
      } == {
      ListAnalysts = jsonencode([["s3:ListBucket"], ["arn:aws:s3:::shop"], ["arn:aws:iam::210987654321:root"]])
      ReadAnalysts = jsonencode([["s3:GetObject"], ["arn:aws:s3:::shop/results/failed/*", "arn:aws:s3:::shop/results/out/*"], ["arn:aws:iam::210987654321:root"]])
    }
    error_message = "Readers must be allowed results, and nothing else."
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.bucket.statement : sort(one(statement.condition).values) if statement.sid == "ListAnalysts"
    ]) == tolist(["results/failed/*", "results/out/*"])
    error_message = "Readers must list results only."
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.key.statement :
      one(statement.actions) == "kms:Decrypt" && one(one(statement.principals).identifiers) == "arn:aws:iam::210987654321:root"
      && one(statement.condition).variable == "kms:ViaService" && one(statement.condition).values == tolist(["s3.eu-west-1.amazonaws.com"])
      if statement.sid == "DecryptForReaders"
    ])
    error_message = "Readers must be able to decrypt what they read from Amazon S3, and nothing else."
  }
}

run "bucket_and_key_that_exist" {
  command = plan

  variables {
    storage = {
      existing = { bucket = { name = "team-data" }, key = { arn = "arn:aws:kms:eu-west-1:123456789012:key/team" } }
      prefixes = { capture = "shop/capture/", failure = "shop/failure/", input = "shop/input/", model = "shop/model/", output = "shop/output/" }
    }
  }

  override_data {
    target = data.aws_s3_bucket.given
    values = { bucket = "team-data", bucket_regional_domain_name = "team-data.s3.eu-west-1.amazonaws.com" }
  }

  assert {
    condition = (
      length(aws_s3_bucket.this) + length(aws_kms_key.this) + length(aws_s3_bucket_policy.this) + length(aws_s3_bucket_lifecycle_configuration.this) == 0
      && length(aws_s3_bucket_server_side_encryption_configuration.this) + length(aws_s3_bucket_versioning.this) + length(aws_kms_alias.this) == 0
    )
    error_message = "A supplied bucket or key must not be modified."
  }

  assert {
    condition = (
      output.bucket_arn == "arn:aws:s3:::team-data" && output.bucket_name == "team-data"
      && output.kms_key_arn == "arn:aws:kms:eu-west-1:123456789012:key/team" && output.uris.capture == "s3://team-data/shop/capture/"
    )
    error_message = "A supplied bucket and key must be the ones used."
  }
}

run "refuses_a_bucket_of_another_region" {
  command         = plan
  expect_failures = [data.aws_s3_bucket.given]

  variables {
    storage = { existing = { bucket = { name = "team-data" } } }
  }

  override_data {
    target = data.aws_s3_bucket.given
    values = { bucket = "team-data", bucket_regional_domain_name = "team-data.s3.us-east-1.amazonaws.com" }
  }
}

run "refuses_a_key_of_another_region" {
  command         = plan
  expect_failures = [output.kms_key_arn]

  variables {
    storage = { existing = { key = { arn = "arn:aws:kms:us-east-1:123456789012:key/team" } } }
  }
}

run "access_logs" {
  command = plan

  variables {
    storage = { access_logs = { destination = { bucket_name = "team-logs" } } }
  }

  assert {
    condition     = aws_s3_bucket_logging.this[0].target_bucket == "team-logs" && aws_s3_bucket_logging.this[0].target_prefix == "shop-test/"
    error_message = "Access must be logged to the destination, below the name."
  }
}

run "lifecycle" {
  command = plan

  variables {
    storage = { expire_after_days = { failure = 3, input = 1, noncurrent = 4, output = 2, predictions = 5 } }
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule :
      rule.filter[0].prefix => rule.expiration[0].days if rule.id != "remove-leftovers"
    } == { "failure/" = 3, "input/" = 1, "output/" = 2, "predictions/" = 5 }
    error_message = "Inputs, outputs, failures and predictions must expire; models and credentials must not."
  }

  assert {
    condition = one([
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule :
      rule.abort_incomplete_multipart_upload[0].days_after_initiation == 1
      && rule.noncurrent_version_expiration[0].noncurrent_days == 4
      && rule.expiration[0].expired_object_delete_marker
      if rule.id == "remove-leftovers"
    ])
    error_message = "Old versions, delete markers and aborted uploads must not accumulate."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.status == "Enabled"])
    error_message = "Every rule must be in force."
  }
}

run "key_in_china" {
  command = plan

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "cn-north-1" }
  }

  variables {
    storage = { readers = { Analysts = { principal_arns = ["arn:aws-cn:iam::210987654321:root"] } } }
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.key.statement : statement.sid => one([for principal in statement.principals : one(principal.identifiers)])
      } == {
      DecryptForReaders = "arn:aws-cn:iam::210987654321:root"
      DelegateToIam     = "arn:aws-cn:iam::123456789012:root"
      DeliverFromTopics = "sns.amazonaws.com"
      EncryptLogs       = "logs.cn-north-1.amazonaws.com.cn"
    }
    error_message = "Principals must be those of the partition."
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.key.statement : sort(one(statement.condition).values) if statement.sid == "DecryptForReaders"
    ]) == tolist(["s3.cn-north-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn"])
    error_message = "Readers must be able to decrypt what they read from Amazon S3."
  }
}

run "key_in_the_government_regions" {
  command = plan

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov", dns_suffix = "amazonaws.com" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "us-gov-west-1" }
  }

  variables {
    storage = { readers = { Analysts = { principal_arns = ["arn:aws-us-gov:iam::210987654321:root"] } } }
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.key.statement : statement.sid => one([for principal in statement.principals : one(principal.identifiers)])
      } == {
      DecryptForReaders = "arn:aws-us-gov:iam::210987654321:root"
      DelegateToIam     = "arn:aws-us-gov:iam::123456789012:root"
      DeliverFromTopics = "sns.amazonaws.com"
      EncryptLogs       = "logs.us-gov-west-1.amazonaws.com"
    }
    error_message = "Principals must be those of the partition."
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.key.statement : sort(one(statement.condition).values) if statement.sid == "DecryptForReaders"
    ]) == tolist(["s3.us-gov-west-1.amazonaws.com"])
    error_message = "Readers must be able to decrypt what they read from Amazon S3."
  }
}

run "an_imported_bucket_keeps_its_settings" {
  variables {
    names   = { bucket = "team-data" }
    storage = { bucket_settings = [] }
  }

  assert {
    condition     = aws_s3_bucket.imported[0].bucket == "team-data" && length(aws_s3_bucket.this) == 0 && output.bucket_name == "team-data"
    error_message = "The bucket must have the name that it has, at an address whose tags are not changed."
  }

  assert {
    condition = length(flatten([
      aws_s3_bucket_lifecycle_configuration.this, aws_s3_bucket_ownership_controls.this, aws_s3_bucket_policy.this, aws_s3_bucket_public_access_block.this,
      aws_s3_bucket_server_side_encryption_configuration.this, aws_s3_bucket_versioning.this, aws_s3_bucket_logging.this,
    ])) == 0
    error_message = "Nothing may change what its other users rely on: above all no rule may expire their objects."
  }
}

run "settings_of_an_imported_bucket_are_a_choice" {
  command = plan

  variables {
    names   = { bucket = "team-data" }
    storage = { bucket_settings = ["encryption", "public_access"] }
  }

  assert {
    condition = (
      length(aws_s3_bucket_server_side_encryption_configuration.this) == 1 && length(aws_s3_bucket_public_access_block.this) == 1
      && length(aws_s3_bucket_lifecycle_configuration.this) + length(aws_s3_bucket_ownership_controls.this) + length(aws_s3_bucket_policy.this) + length(aws_s3_bucket_versioning.this) == 0
    )
    error_message = "The settings that are named must be managed, and no other."
  }
}

run "refuses_to_import_its_own_bucket" {
  command         = plan
  expect_failures = [aws_s3_bucket.imported]

  variables {
    names   = { bucket = "shop-test-123456789012-eu-west-1" }
    storage = { bucket_settings = [] }
  }
}
