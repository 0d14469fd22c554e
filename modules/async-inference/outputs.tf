output "access" {
  description = "Who may do what: policies of caller, collector and deployer, each as json and with the arn of the managed policy or null, and github_role_arn, null without that role."
  value = {
    github_role_arn = module.access.github_role_arn
    policies        = module.access.policies
  }
}

output "async_endpoint" {
  description = "All that the Python side needs (scripts/async_endpoint/contract/outputs.py), once everything is ready."
  value = {
    schema_version = 1
    environment    = var.environment
    region         = data.aws_region.current.name
    account_id     = data.aws_caller_identity.current.account_id

    endpoint = {
      arn                                     = module.endpoint.arn
      config_name                             = module.configuration.name
      execution_role_arn                      = module.model.execution_role_arn
      instance_type                           = module.configuration.variants.primary.instance_type
      max_concurrent_invocations_per_instance = module.configuration.variants.primary.concurrency
      model_name                              = module.model.name
      name                                    = module.endpoint.name
      variant_name                            = "primary"
    }

    limits = {
      cold_start_seconds         = module.configuration.variants.primary.startup_timeout_seconds
      invocation_timeout_seconds = module.model.timeout_seconds
      request_ttl_seconds        = var.endpoint.request_ttl_seconds
    }

    notifications = {
      dead_letter_queue_url = module.notifications.dead_letter_queue.url
      error_topic_arn       = module.notifications.topic_arns.error
      results_queue_arn     = module.notifications.results_queue.arn
      results_queue_url     = module.notifications.results_queue.url
      success_topic_arn     = module.notifications.topic_arns.success
    }

    scaling = module.endpoint.scaling

    storage = {
      bucket      = module.storage.bucket_name
      failure_uri = module.storage.uris.failure
      input_uri   = module.storage.uris.input
      kms_key_arn = module.storage.kms_key_arn
      output_uri  = module.storage.uris.output
    }
  }

  depends_on = [module.access, module.configuration, module.endpoint, module.model, module.notifications, module.storage]
}
