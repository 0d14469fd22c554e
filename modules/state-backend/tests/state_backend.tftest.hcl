mock_provider "aws" {
  override_during = plan

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

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/state" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::terraform-state-123456789012-eu-west-1" }
  }
}

run "bucket" {
  command = plan

  assert {
    condition     = output.bucket == "terraform-state-123456789012-eu-west-1"
    error_message = "The default name must contain account and region, so that it is unique."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Versioning is needed to restore a damaged state."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "A state holds secrets and must never be public."
  }

  assert {
    condition = (
      data.aws_iam_policy_document.bucket.statement[0].effect == "Deny"
      && one(data.aws_iam_policy_document.bucket.statement[0].condition).variable == "aws:SecureTransport"
    )
    error_message = "Requests without TLS must be denied."
  }

  assert {
    condition = (
      one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
      && aws_kms_key.this[0].enable_key_rotation
    )
    error_message = "By default a rotating key of its own must encrypt the state."
  }

  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.this.rule[0].noncurrent_version_expiration).noncurrent_days == 90
    error_message = "Replaced versions must stay for three months."
  }

  assert {
    condition = (
      aws_s3_bucket_lifecycle_configuration.this.rule[1].filter[0].prefix == "plans/"
      && aws_s3_bucket_lifecycle_configuration.this.rule[1].expiration[0].days == 7
      && aws_s3_bucket_lifecycle_configuration.this.rule[1].noncurrent_version_expiration[0].noncurrent_days == 1
      && aws_s3_bucket_lifecycle_configuration.this.rule[0].expiration[0].expired_object_delete_marker
    )
    error_message = "Plans must go after a week, their versions a day later, and of the rest markers alone."
  }

  assert {
    condition     = output.backend_policies == {}
    error_message = "There must be policies of each given environment."
  }
}

run "backend_policies" {
  command = plan

  variables {
    environments = ["dev"]
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.backend["dev/deployer"].statement : statement.sid
    ] == ["FindState", "ReadSettings", "ReadAndWriteState", "Unlock", "ReadPlans", "UseKeyThroughS3"]
    error_message = "A deployer reads, writes, locks and unlocks a state, and reads plans."
  }

  assert {
    condition = [
      for condition in tolist(data.aws_iam_policy_document.backend["dev/deployer"].statement)[0].condition :
      "${condition.test} ${condition.variable} ${join(" ", sort(condition.values))}"
    ] == ["StringLikeIfExists s3:prefix async-endpoint/dev/* env:/"]
    error_message = "The first init of a key must find it missing, and list the workspaces."
  }

  assert {
    condition     = tolist(data.aws_iam_policy_document.backend["dev/deployer"].statement)[3].actions == toset(["s3:DeleteObject"]) && endswith(one(tolist(data.aws_iam_policy_document.backend["dev/deployer"].statement)[3].resources), "/async-endpoint/dev/*.tflock")
    error_message = "Only locks may be deleted, and of these states alone."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.backend["dev/planner"].statement :
      statement.sid => "${join(" ", sort(statement.actions))} ${trimprefix(one(statement.resources), aws_s3_bucket.this.arn)}"
      if statement.sid != "UseKeyThroughS3"
      } == {
      FindState    = "s3:ListBucket "
      ReadSettings = "s3:GetBucketPolicy s3:GetBucketPublicAccessBlock s3:GetBucketVersioning s3:GetEncryptionConfiguration "
      ReadState    = "s3:GetObject /async-endpoint/dev/*"
      StorePlans   = "s3:PutObject /plans/dev/*"
      ReadRecords  = "s3:GetObject /plans/dev/*.json"
    }
    error_message = "A planner must change nothing but plans, of which it reads the records only."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.backend["dev/planner"].statement : statement.sid => [
        for condition in statement.condition : "${condition.test} ${condition.variable} ${join(" ", condition.values)}"
      ] if contains(["ReadState", "StorePlans", "ReadRecords"], statement.sid)
    } == { ReadState = [], StorePlans = ["StringEquals s3:if-none-match *"], ReadRecords = [] }
    error_message = "A planner must not replace a plan that was stored."
  }

  assert {
    condition     = keys(output.backend_policies) == ["dev"] && keys(output.backend_policies["dev"]) == ["deployer", "planner"]
    error_message = "Each environment has a policy of each role."
  }

  assert {
    condition = [for policy in aws_iam_policy.backend : policy.name] == [
      "terraform-state-123456789012-eu-west-1-dev-deployer", "terraform-state-123456789012-eu-west-1-dev-planner",
    ] && keys(output.backend_policy_arns["dev"]) == ["deployer", "planner"]
    error_message = "Each policy must be a managed one, so that roles can have it."
  }
}

run "without_a_key" {
  command = plan

  variables {
    bucket       = "states-of-shop"
    create_key   = false
    environments = ["dev"]
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256" && length(aws_kms_key.this) == 0
    error_message = "Without a key of its own, Amazon S3's keys must encrypt the state."
  }

  assert {
    condition     = output.bucket == "states-of-shop" && length(data.aws_iam_policy_document.backend["dev/deployer"].statement) == 5
    error_message = "The name is the given one, and a policy without a key names none."
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
    environments = ["dev"]
  }

  assert {
    condition = one([
      for statement in data.aws_iam_policy_document.backend["dev/deployer"].statement : sort(one(statement.condition).values) if statement.sid == "UseKeyThroughS3"
    ]) == tolist(["s3.cn-north-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn"])
    error_message = "Amazon S3 must be able to use the key for a deployer."
  }

  assert {
    condition     = one(one(data.aws_iam_policy_document.key.statement).principals).identifiers == toset(["arn:aws-cn:iam::123456789012:root"])
    error_message = "The key must be governed by this account."
  }
}
