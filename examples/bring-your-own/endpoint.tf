# What this example creates: a model, an endpoint configuration and an endpoint. Everything else is passed to the modules by name.
locals {
  name = "bring-your-own"

  storage = {
    bucket_arn  = aws_s3_bucket.theirs.arn
    bucket_name = aws_s3_bucket.theirs.bucket
    kms_key_arn = aws_kms_key.theirs.arn
    prefixes    = { failure = "counter/failures/", input = "counter/inputs/", output = "counter/outputs/" }
  }

  topic_arns = { for outcome, topic in aws_sns_topic.theirs : outcome => topic.arn }
}

module "container" {
  source = "../../modules/model/container"

  container = {
    data_source = { s3_uri = "s3://${local.storage.bucket_name}/${trimsuffix(aws_s3_object.model["code/inference.py"].key, "code/inference.py")}" }
    image       = { repository = { name = "bring-your-own/serve", tag = "1.0.0" } } # pushed before the apply; see README.md
  }
}

module "model" {
  source = "../../modules/model"

  name           = local.name
  containers     = [module.container]
  endpoint_names = [local.name]
  storage        = local.storage
  topic_arns     = local.topic_arns
  network        = { subnet_ids = [aws_subnet.theirs.id], security_group_ids = [aws_security_group.theirs.id] }

  # The role through its policy: SageMaker checks that the role may read the model when the model is created.
  model = { role = { existing = { arn = replace(aws_iam_role.theirs.arn, aws_iam_role.theirs.name, aws_iam_role_policy.theirs.role) } } }
}

# The permissions that the role needs, from the module; the owner of the role attaches them.
resource "aws_iam_role_policy" "theirs" {
  name   = "bring-your-own"
  role   = aws_iam_role.theirs.name
  policy = module.model.execution_policy_json
}

module "endpoint_config" {
  source = "../../modules/endpoint-config"

  name       = local.name
  encryption = { kms_key_arn = aws_kms_key.theirs.arn }
  variants   = { primary = { model_name = module.model.name, instance_type = "ml.m5.large" } }

  inference = {
    async = {
      failure_uri = "s3://${local.storage.bucket_name}/${local.storage.prefixes.failure}"
      output_uri  = "s3://${local.storage.bucket_name}/${local.storage.prefixes.output}"
      topic_arns  = local.topic_arns
    }
  }
}

module "endpoint" {
  source = "../../modules/endpoint"

  name            = local.name
  endpoint_config = module.endpoint_config

  scaling = {
    primary = { min_instances = 0, max_instances = 2, target_backlog_per_instance = 5 }
  }
}
