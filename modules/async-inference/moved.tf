# The configuration was part of module endpoint.
moved {
  from = module.endpoint.aws_sagemaker_endpoint_configuration.this
  to   = module.configuration.aws_sagemaker_endpoint_configuration.this
}
