# Offline: the provider plans without an account, so that the policy is the real one.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  name              = "shop-test"
  endpoint_arn      = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop-test"
  results_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:shop-test-results"
  storage = {
    bucket_arn  = "arn:aws:s3:::shop"
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
    prefixes    = { failure = "failure/", input = "input/", output = "output/" }
  }
  topic_arns = {
    error   = "arn:aws:sns:eu-west-1:123456789012:shop-test-error"
    success = "arn:aws:sns:eu-west-1:123456789012:shop-test-success"
  }
}

run "caller_policy" {
  command = plan

  assert {
    condition = jsonencode({
      for statement in jsondecode(output.policy_json).Statement :
      statement.Sid => { actions = sort(flatten([statement.Action])), resources = sort(flatten([statement.Resource])) }
      }) == jsonencode({
      Invoke = {
        actions   = ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpointAsync"]
        resources = ["arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop-test"]
      }
      PutInputs = {
        actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
        resources = ["arn:aws:s3:::shop/input/*"]
      }
      GetResults = {
        actions   = ["s3:GetObject"]
        resources = ["arn:aws:s3:::shop/failure/*", "arn:aws:s3:::shop/output/*"]
      }
      ListResults = {
        actions   = ["s3:ListBucket"]
        resources = ["arn:aws:s3:::shop"]
      }
      ReceiveNotifications = {
        actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
        resources = ["arn:aws:sqs:eu-west-1:123456789012:shop-test-results"]
      }
      OwnQueues = {
        actions   = ["sqs:CreateQueue", "sqs:DeleteMessage", "sqs:DeleteQueue", "sqs:ListQueueTags", "sqs:ReceiveMessage", "sqs:TagQueue"]
        resources = ["arn:aws:sqs:eu-west-1:123456789012:shop-test-run-*"]
      }
      FindQueues = {
        actions   = ["sqs:ListQueues"]
        resources = ["*"]
      }
      FindSubscriptions = {
        actions   = ["sns:ListSubscriptionsByTopic"]
        resources = ["arn:aws:sns:eu-west-1:123456789012:shop-test-error", "arn:aws:sns:eu-west-1:123456789012:shop-test-success"]
      }
      SubscribeOwnQueue = {
        actions   = ["sns:Subscribe"]
        resources = ["arn:aws:sns:eu-west-1:123456789012:shop-test-error", "arn:aws:sns:eu-west-1:123456789012:shop-test-success"]
      }
      Unsubscribe = {
        actions   = ["sns:Unsubscribe"]
        resources = ["arn:aws:sns:eu-west-1:123456789012:shop-test-error", "arn:aws:sns:eu-west-1:123456789012:shop-test-success"]
      }
      UseKeyThroughServices = {
        actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
        resources = ["arn:aws:kms:eu-west-1:123456789012:key/own"]
      }
    })
    error_message = "A caller must be allowed exactly these actions, each on this deployment alone."
  }

  assert {
    condition = jsonencode({
      for statement in jsondecode(output.policy_json).Statement :
      statement.Sid => statement.Condition if can(statement.Condition)
      }) == jsonencode({
      ListResults           = { StringLikeIfExists = { "s3:prefix" = ["failure/*", "output/*"] } }
      SubscribeOwnQueue     = { StringEquals = { "sns:Protocol" = "sqs" } }
      UseKeyThroughServices = { StringEquals = { "kms:ViaService" = ["s3.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com"] } }
    })
    error_message = "Listing must be confined to results, subscribing to queues, and the key to S3 and SQS."
  }

  assert {
    condition     = output.policy_arn == null
    error_message = "Without being asked for, no managed policy is made."
  }
}

run "managed_policy" {
  command = plan

  variables {
    create_policy = true
  }

  assert {
    condition     = aws_iam_policy.caller[0].name == "shop-test-caller" && jsonencode(jsondecode(aws_iam_policy.caller[0].policy)) == jsonencode(jsondecode(output.policy_json))
    error_message = "The managed policy must hold the caller's statements."
  }
}
