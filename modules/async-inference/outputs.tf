output "access" {
  description = "Policies of caller, collector, deployer, destroyer, planner, verifier and watcher, and with http_api of api and api_admin (json, and arn of the managed policy or null), and github_role_arns of planner and deployer (null without that role)."
  value = {
    github_role_arns = module.iam.github_role_arns
    policies         = module.iam.policies
  }
}

output "async_endpoint" {
  description = "Everything the Python client and deployment commands need (scripts/async_endpoint/core/outputs.py), once the endpoint is ready."
  value = {
    schema_version = 1
    environment    = var.environment
    region         = data.aws_region.current.id
    account_id     = data.aws_caller_identity.current.account_id

    endpoint = {
      arn                                     = module.endpoint.arn
      config_name                             = module.endpoint_config.name
      execution_role_arn                      = module.model.execution_role_arn
      instance_type                           = module.endpoint_config.variants[local._variant].instance_type
      max_concurrent_invocations_per_instance = module.endpoint_config.variants[local._variant].concurrency
      model_name                              = module.model.name
      name                                    = module.endpoint.name
      variant_name                            = local._variant
    }

    http_api = var.http_api == null ? null : {
      credentials_uri                = local._uris.credentials
      delivery_dead_letter_queue_url = module.webhooks[0].dead_letter_queue.url
      delivery_queue_arn             = module.webhooks[0].delivery_queue.arn
      delivery_queue_url             = module.webhooks[0].delivery_queue.url
      state_uri                      = local._uris.predictions
    }

    limits = {
      cold_start_seconds         = module.endpoint_config.variants[local._variant].startup_timeout_seconds
      invocation_timeout_seconds = module.model.invocation_timeout_seconds
      request_ttl_seconds        = var.endpoint.request_ttl_seconds
    }

    model = {
      archives       = module.model.archives
      execution_role = module.model.execution_role
    }

    monitoring = {
      alarm_names    = sort(flatten(values(module.monitoring.alarm_names)))
      dashboard_name = module.monitoring.dashboard_name
    }

    notifications = {
      dead_letter_queue_url = module.notifications.dead_letter_queue.url
      error_topic_arn       = module.notifications.topic_arns.error
      publishers_restricted = module.notifications.publishers_restricted
      results_queue_arn     = module.notifications.results_queue.arn
      results_queue_url     = module.notifications.results_queue.url
      success_topic_arn     = module.notifications.topic_arns.success
    }

    scaling = {
      max_instances = var.scaling.max_instances
      min_instances = var.scaling.min_instances
      resource_id   = module.endpoint.scaling[local._variant].resource_id
      schedules = [
        for name, action in module.endpoint.scaling[local._variant].scheduled_action_names :
        { action_name = action, max_instances = var.scaling.schedules[name].max_instances, min_instances = var.scaling.schedules[name].min_instances }
      ]
      target_backlog_per_instance = var.scaling.target_backlog_per_instance
      tracking_policy_name        = module.endpoint.scaling[local._variant].policy_names.backlog_per_instance
      wake_alarm_name             = module.endpoint.scaling[local._variant].wake.alarm_name
      wake_policy_name            = module.endpoint.scaling[local._variant].wake.policy_name
    }

    storage = {
      bucket      = local.storage.bucket_name
      failure_uri = local._uris.failure
      input_uri   = local._uris.input
      kms_key_arn = local.storage.kms_key_arn
      output_uri  = local._uris.output
    }
  }

  depends_on = [module.endpoint, module.endpoint_config, module.iam, module.model, module.monitoring, module.notifications, module.storage, module.webhooks]
}
