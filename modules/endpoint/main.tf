# Every update sets the instance count back to initial_instances (provider issue 48990: RetainAllVariantProperties is
# not exposed).
resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = var.configuration.name

  depends_on = [aws_cloudwatch_log_group.this, terraform_data.instance_type]
}

# Left to SageMaker, the group would be kept for ever and outlive the endpoint.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:Amazon CloudWatch Logs encrypts with a key of its own; another's policy would have to let it in.
  #checkov:skip=CKV_AWS_338:How long logs are kept is each environment's choice; dev needs a week and not a year.
  name              = "/aws/sagemaker/Endpoints/${var.name}"
  retention_in_days = var.log_retention_days
}
