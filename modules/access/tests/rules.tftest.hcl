# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
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

run "refuses_every_endpoint" {
  command         = plan
  expect_failures = [var.endpoint_arn]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_arn = "arn:aws:sagemaker:*:*:endpoint/*"
  }
}
