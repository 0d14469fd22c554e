# The policies of the deployment that tests/trials/every_permission.tf describes.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

module "iam" {
  source = "../../modules/iam"

  name = "recommender-dev"
  access = {
    github = {
      deployer = { subjects = ["repo:shop/models:environment:dev"] }
      planner  = { subjects = ["repo:shop/models:pull_request", "repo:shop/models:ref:refs/heads/main"] }
    }
  }
  endpoint_arn = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/recommender-dev"
  execution_role = {
    arn                      = "arn:aws:iam::123456789012:role/recommender-dev-eu-west-1-execution"
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/recommender-dev-eu-west-1-execution-boundary"
  }
  http_api = {
    dead_letter_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:recommender-dev-delivery-dead-letters"
    delivery_queue_arn    = "arn:aws:sqs:eu-west-1:123456789012:recommender-dev-deliveries"
  }
  results_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:recommender-dev-results"

  storage = {
    bucket_arn  = "arn:aws:s3:::recommender-dev-123456789012-eu-west-1"
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
    prefixes    = { failure = "failure/", input = "input/", output = "output/" }
  }

  subscriptions = {
    function = { protocol = "lambda", endpoint = "arn:aws:lambda:eu-west-1:123456789012:function:notify" }
    queue    = { protocol = "sqs", endpoint = "arn:aws:sqs:eu-west-1:123456789012:elsewhere" }
  }

  topic_arns = {
    error   = "arn:aws:sns:eu-west-1:123456789012:recommender-dev-error"
    success = "arn:aws:sns:eu-west-1:123456789012:recommender-dev-success"
  }
}

output "policies" {
  value = { for role, policy in module.iam.policies : role => policy.json }
}
