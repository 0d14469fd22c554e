output "kind" {
  description = "How requests are answered: async, real_time or serverless."
  value       = local.kind
}

output "name" {
  description = "Name of the endpoint configuration. Every change creates a new one."
  value       = aws_sagemaker_endpoint_configuration.this.name
}

output "variants" {
  description = "Variants by name, for modules endpoint and monitoring: concurrency (per instance for async, of the variant for serverless), gpus, initial_instances, instance_type, provisioned_concurrency, shadow, startup_timeout_seconds and vcpus."
  value = {
    for name, variant in local._variants : name => {
      concurrency             = try(local._async.max_concurrent_invocations, local._serverless.max_concurrency, null)
      gpus                    = try(local.hardware[variant.instance_type].gpus, null)
      initial_instances       = variant.initial_instances
      instance_type           = variant.instance_type
      provisioned_concurrency = try(local._serverless.provisioned_concurrency, null)
      shadow                  = variant.shadow
      startup_timeout_seconds = variant.startup_timeout_seconds
      vcpus                   = try(local.hardware[variant.instance_type].vcpus, null)
    }
  }
}
