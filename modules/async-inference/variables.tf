# Fields without a default here have the default of the module that uses them; their bullets state it.

variable "access" {
  description = <<-TEXT
    Managed policies, and two roles for GitHub Actions: a planner that reads, and a deployer (module iam).
    - `github`: Roles that GitHub Actions workflows assume through OIDC; none without subjects.
    - `github.deployer`: Role of workflows that apply.
    - `github.deployer.policies`: Its policies of module iam: caller, collector, deployer, destroyer (beside deployer), planner, verifier, watcher; caller, deployer, planner and watcher when it is null.
    - `github.deployer.policy_arns`: ARNs of further managed policies of the role, by a name of your choice: that of the state bucket, and those of the environment's other endpoints; none when it is null.
    - `github.deployer.refs`: Branches and tags whose workflows may assume the role, whatever environment their job names; refs/heads/main when it is null, any when it is empty.
    - `github.deployer.session_seconds`: Longest session: 3600 to 43200 seconds, as long as an apply may take; 10800 when it is null.
    - `github.deployer.subjects`: Protected environments whose jobs may assume the role, such as repo:owner/name:environment:dev.
    - `github.planner`: Role of workflows that plan and look for drift. It has policy planner.
    - `github.planner.policy_arns`: ARNs of further managed policies of the role, by a name of your choice: that of the state bucket, and those of the environment's other endpoints; none when it is null.
    - `github.planner.subjects`: Workflows that may assume the role, such as repo:owner/name:pull_request and repo:owner/name:ref:refs/heads/main.
    - `github.provider_arn`: ARN of the account's OIDC provider for GitHub, if there is one; otherwise it is created.
    - `managed_policies`: Policies to create as managed policies, to attach to users and roles: api and api_admin (with http_api), caller, collector, deployer, destroyer (beside deployer), planner, verifier, watcher; none when it is null.
  TEXT
  type = object({
    github = optional(object({
      deployer = optional(object({
        policies        = optional(set(string))
        policy_arns     = optional(map(string))
        refs            = optional(list(string))
        session_seconds = optional(number)
        subjects        = optional(list(string))
      }))
      planner = optional(object({
        policy_arns = optional(map(string))
        subjects    = optional(list(string))
      }))
      provider_arn = optional(string)
    }))
    managed_policies = optional(set(string))
  })
  default  = {}
  nullable = false
}

variable "endpoint" {
  description = <<-TEXT
    The endpoint's instances (its one variant of module endpoint-config) and its request queue.
    - `core_dump_uri`: S3 prefix of core dumps of crashed containers; none when it is null. The created execution role may write there.
    - `enable_ssm_access`: Whether AWS Systems Manager can open a shell on the instances. AWS Support must admit the account to it first.
    - `inference_ami_version`: Machine image of the instances, such as al2-ami-sagemaker-inference-gpu-2; SageMaker's default when it is null.
    - `initial_instances`: Instances at creation and after every update: 1 or more; 1 when it is null. Scaling takes over from there.
    - `instance_type`: SageMaker instance type, such as ml.m5.xlarge or ml.g5.xlarge.
    - `max_concurrent_invocations`: Concurrent invocations per instance: 1 to 1000; 4 when it is null.
    - `model_download_timeout_seconds`: Time limit for downloading the model from S3: 60 to 3600 seconds; 600 when it is null.
    - `request_ttl_seconds`: Longest time a request waits in the queue before it expires: 60 to 21600 seconds (6 hours).
    - `startup_timeout_seconds`: Time limit for the container to answer /ping after it starts: 60 to 3600 seconds; 600 when it is null.
    - `volume_size_gb`: Size of the instance volume: 1 to 512 GB. Not for instance types with local NVMe storage.
  TEXT
  type = object({
    core_dump_uri                  = optional(string)
    enable_ssm_access              = optional(bool)
    inference_ami_version          = optional(string)
    initial_instances              = optional(number)
    instance_type                  = optional(string, "ml.m5.xlarge")
    max_concurrent_invocations     = optional(number)
    model_download_timeout_seconds = optional(number)
    request_ttl_seconds            = optional(number, 21600)
    startup_timeout_seconds        = optional(number)
    volume_size_gb                 = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.endpoint.request_ttl_seconds >= 60 && var.endpoint.request_ttl_seconds <= 21600
    error_message = "Field endpoint.request_ttl_seconds must be from 60 to 21600 seconds (6 hours), the range that InvokeEndpointAsync accepts."
  }
}

variable "environment" {
  description = "Name of the environment, such as dev or prod, and suffix of all names: 2 to 12 lowercase letters and digits."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "Variable environment must be 2 to 12 lowercase letters and digits that begin with a letter."
  }
}

variable "guardrails" {
  description = <<-TEXT
    Deployment guardrails (module endpoint): how an update shifts traffic to new instances, and which alarms roll it back. All traffic shifts at once unless canary, linear or rolling is given.
    - `canary`: Shift a first part of the traffic, wait, then shift the rest.
    - `canary.instances`: Instances of the first step: 1 to half of endpoint.initial_instances. Give this or percent.
    - `canary.percent`: Share of the instances in the first step: 1 to 50 percent.
    - `canary.wait_seconds`: Seconds to wait after each of the two steps: 0 to 3600; 300 when it is null.
    - `linear`: Shift traffic in equal steps.
    - `linear.instances`: Instances of each step: 1 to half of endpoint.initial_instances. Give this or percent.
    - `linear.percent`: Share of the instances in each step: 10 to 50 percent.
    - `linear.wait_seconds`: Seconds to wait after each step: 0 to 3600; 300 when it is null.
    - `maximum_seconds`: Time limit of the whole update: 600 to 14400 seconds. SageMaker's own limit applies when it is null.
    - `new_fleet_only`: Whether these alarms watch the new instances alone, so that old instances in trouble do not roll back their own fix; false when it is null. Each configuration then has alarms of its own. Not verified on AWS.
    - `rollback_on`: Alarms that roll back an update when they fire during it, by their name in monitoring.alarms: those on errors, latency, utilization or failures. At least one. With new_fleet_only none on utilization.
    - `rolling`: Replace old instances by new ones in batches, without running both fleets in full.
    - `rolling.instances`: Instances of each batch: 1 to half of endpoint.initial_instances. Give this or percent.
    - `rolling.percent`: Share of the instances in each batch: 5 to 50 percent.
    - `rolling.rollback_instances`: Instances of each batch during a rollback. Give this or rollback_percent, or neither to roll back at once.
    - `rolling.rollback_percent`: Share of the instances in each batch during a rollback: 5 to 100 percent.
    - `rolling.wait_seconds`: Seconds to wait after each batch: 0 to 3600; 300 when it is null.
    - `termination_wait_seconds`: Seconds that old instances keep running after all traffic has shifted: 0 to 3600; 300 when it is null. Not used by rolling.
  TEXT
  type = object({
    canary = optional(object({
      instances    = optional(number)
      percent      = optional(number)
      wait_seconds = optional(number)
    }))
    linear = optional(object({
      instances    = optional(number)
      percent      = optional(number)
      wait_seconds = optional(number)
    }))
    maximum_seconds = optional(number)
    new_fleet_only  = optional(bool)
    rollback_on     = optional(set(string), ["server_errors"])
    rolling = optional(object({
      instances          = optional(number)
      percent            = optional(number)
      rollback_instances = optional(number)
      rollback_percent   = optional(number)
      wait_seconds       = optional(number)
    }))
    termination_wait_seconds = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(var.guardrails.rollback_on) > 0
    error_message = "Field guardrails.rollback_on must hold at least one alarm: the provider replaces the endpoint, which is absent meanwhile, when the first is added or the last is removed."
  }

  validation {
    condition = alltrue([
      for name in var.guardrails.rollback_on : contains([
        "client_errors", "cpu", "disk", "download_failures", "gpu", "gpu_memory", "invocation_failures", "memory", "model_latency", "notification_failures", "server_errors", "upload_failures",
      ], name)
    ])
    error_message = "Each name in guardrails.rollback_on must be an alarm that measures the new instances, such as server_errors, invocation_failures or model_latency; backlog and request age do not."
  }

  validation {
    condition     = !coalesce(var.guardrails.new_fleet_only, false) || length(setintersection(var.guardrails.rollback_on, ["cpu", "disk", "gpu", "gpu_memory", "memory"])) == 0
    error_message = "Remove alarms on utilization from guardrails.rollback_on, or guardrails.new_fleet_only: SageMaker does not publish the utilization of instances by endpoint configuration."
  }

  validation {
    condition     = alltrue([for name in var.guardrails.rollback_on : try(var.monitoring.alarms[name].enabled, true) != false])
    error_message = "Enable the alarms of guardrails.rollback_on in monitoring.alarms: a disabled alarm does not exist and rolls nothing back."
  }
}

variable "http_api" {
  description = <<-TEXT
    An HTTP API in front of the endpoint, with webhooks: http_api = {} creates its delivery queue (module webhooks). None when it is null.
    - `max_receives`: Receives after which a message of the delivery queue moves to its dead letter queue: 1 to 1000; 10 when it is null.
    - `retention_days`: Days that the delivery queue keeps a message: 2 to 14; 14 when it is null.
    - `sender_role_arns`: ARNs of the roles of API processes and functions, and of those who redrive dead letters or sweep by hand: every other sender to the delivery queue but the topics is denied; none is denied when it is null.
    - `visibility_timeout_seconds`: Seconds that a received message stays hidden from other receivers: 30 to 43200; 180 when it is null.
  TEXT
  type = object({
    max_receives               = optional(number)
    retention_days             = optional(number)
    sender_role_arns           = optional(set(string))
    visibility_timeout_seconds = optional(number)
  })
  default  = null
  nullable = true
}

variable "logs" {
  description = <<-TEXT
    The log group of the containers.
    - `kms_key_arn`: ARN of the KMS key that encrypts the log group; its policy must admit logs.<region>.amazonaws.com. CloudWatch Logs uses a key of its own when it is null.
    - `retention_days`: Days to keep log events, one of the periods that CloudWatch Logs offers; 30 when it is null.
  TEXT
  type = object({
    kms_key_arn    = optional(string)
    retention_days = optional(number)
  })
  default  = {}
  nullable = false
}

variable "model" {
  description = <<-TEXT
    The containers of the model (module model/container), their network isolation and the execution role (module model).
    - `containers`: Containers in order: one, or 2 to 15 as a pipeline.
    - `containers[*].archive`: Model archive, model.tar.gz. Give path or s3_uri.
    - `containers[*].archive.kms_key_arn`: ARN of the KMS key that encrypts the archive at s3_uri, if it is not the deployment's.
    - `containers[*].archive.path`: Path of a local .tar.gz file, relative to the root module, which is uploaded below the model prefix.
    - `containers[*].archive.record_version`: Whether to record the version of the archive at s3_uri, so that verification detects that it was overwritten. Needs permission to read it.
    - `containers[*].archive.s3_uri`: S3 URI of an existing archive, such as s3://bucket/model.tar.gz, in the endpoint's region.
    - `containers[*].data_source`: Unpacked model: a prefix in S3 with its files.
    - `containers[*].data_source.accept_eula`: Whether you accept the model's licence, where it requires that.
    - `containers[*].data_source.kms_key_arn`: ARN of the KMS key that encrypts the files, if it is not the deployment's.
    - `containers[*].data_source.s3_uri`: S3 prefix of the files, which ends in a slash.
    - `containers[*].environment`: Environment variables; they override those derived from serving. At most 100 together, 1024 characters each.
    - `containers[*].hostname`: Name of the container in a model with several: up to 63 letters, digits and hyphens.
    - `containers[*].image`: Container image. Give exactly one of framework, prebuilt, repository and uri.
    - `containers[*].image.framework`: Framework image of AWS: pytorch or tensorflow. Needs version.
    - `containers[*].image.prebuilt`: Another image of AWS, such as sagemaker-xgboost.
    - `containers[*].image.prebuilt.repository`: Repository of the image, such as sagemaker-xgboost.
    - `containers[*].image.prebuilt.tag`: Tag of the image, such as 1.7-1.
    - `containers[*].image.private_registry`: Marks uri as an image in a private registry, which SageMaker reaches through network.
    - `containers[*].image.private_registry.credentials_function_arn`: ARN of the Lambda function that returns the registry's credentials; null where it needs none.
    - `containers[*].image.processor`: Processor of a framework image: cpu or gpu. Follows the instance type when it is null.
    - `containers[*].image.python`: Python of a PyTorch image, such as py312. Needed for versions that module model/container does not list.
    - `containers[*].image.repository`: Image in Amazon ECR, in the endpoint's region. Give tag or digest.
    - `containers[*].image.repository.account_id`: Account of the repository; this account when it is null.
    - `containers[*].image.repository.digest`: Digest of the image: sha256: and 64 hexadecimal digits.
    - `containers[*].image.repository.name`: Name of the repository, such as team/serve.
    - `containers[*].image.repository.tag`: Tag of the image.
    - `containers[*].image.uri`: URI of an image in Amazon ECR with tag or digest, or of one in a private registry.
    - `containers[*].image.version`: Version of the framework, such as 2.6.0.
    - `containers[*].model_package`: Model package, which includes image and model data. Not of AWS Marketplace: those cannot be asynchronous.
    - `containers[*].model_package.arn`: ARN of the model package version.
    - `containers[*].model_package.artifact_uri`: S3 URI of the package's artifact, which the execution role must read; null where its image includes the model.
    - `containers[*].model_package.image_uri`: URI of the package's image, which the created execution role must pull.
    - `containers[*].model_package.kms_key_arn`: ARN of the KMS key that encrypts the artifact, if it is not the deployment's.
    - `containers[*].multi_model`: Refused: a request to an asynchronous endpoint cannot name a model. Use one archive with all models, or a real-time endpoint.
    - `containers[*].multi_model.cache_models`: Refused, as multi_model is.
    - `containers[*].multi_model.kms_key_arn`: Refused, as multi_model is.
    - `containers[*].multi_model.s3_uri`: Refused, as multi_model is.
    - `containers[*].serving`: Settings of the model server, exported under the names that the SageMaker toolkit, TorchServe and Multi Model Server read.
    - `containers[*].serving.exported`: Whether to export them; true when it is null. With false the container has the variables of environment alone.
    - `containers[*].serving.max_request_bytes`: Largest request body in bytes, up to 1073741824; 104857600 (100 MB) when it is null.
    - `containers[*].serving.max_response_bytes`: Largest response body in bytes, up to 1073741824; 104857600 (100 MB) when it is null.
    - `containers[*].serving.program`: Python file with the handler functions, in the archive's code folder; inference.py when it is null.
    - `containers[*].serving.threads`: Threads per worker of the numeric libraries (OMP_NUM_THREADS, MKL_NUM_THREADS); 2 when it is null.
    - `containers[*].serving.timeout_seconds`: Longest time of one invocation: 1 to 3600 seconds; 300 when it is null.
    - `containers[*].serving.workers`: Worker processes of the model server; 1 when it is null. Raise it together with endpoint.max_concurrent_invocations.
    - `invocation`: How several containers are invoked: serial, each with the output of the previous one. An asynchronous request cannot name a container, so direct is refused.
    - `network_isolation`: Whether containers can make no network calls; false when it is null. SageMaker still downloads the model and delivers requests.
    - `role`: The execution role.
    - `role.create_boundary`: Whether to create a permissions boundary for the created role, so that a deployer may change the role's policy (module iam); false when it is null.
    - `role.existing`: An existing role to use instead of creating one. It needs the policy in output execution_policy_json of module model.
    - `role.existing.arn`: ARN of the role.
    - `role.existing.attach_policy`: Whether to put that policy on the role, as an inline policy called NAME-ENVIRONMENT-REGION-execution, beside those that it has; false when it is null.
    - `role.path`: IAM path of the created role; / when it is null.
    - `role.permissions_boundary_arn`: ARN of the permissions boundary of the created role; none when it is null.
  TEXT
  type = object({
    containers = list(object({
      archive = optional(object({
        kms_key_arn    = optional(string)
        path           = optional(string)
        record_version = optional(bool)
        s3_uri         = optional(string)
      }))
      data_source = optional(object({
        accept_eula = optional(bool)
        kms_key_arn = optional(string)
        s3_uri      = string
      }))
      environment = optional(map(string))
      hostname    = optional(string)
      image = optional(object({
        framework = optional(string)
        prebuilt = optional(object({
          repository = string
          tag        = string
        }))
        private_registry = optional(object({
          credentials_function_arn = optional(string)
        }))
        processor = optional(string)
        python    = optional(string)
        repository = optional(object({
          account_id = optional(string)
          digest     = optional(string)
          name       = string
          tag        = optional(string)
        }))
        uri     = optional(string)
        version = optional(string)
      }))
      model_package = optional(object({
        arn          = string
        artifact_uri = optional(string)
        image_uri    = optional(string)
        kms_key_arn  = optional(string)
      }))
      multi_model = optional(object({
        cache_models = optional(bool)
        kms_key_arn  = optional(string)
        s3_uri       = optional(string)
      }))
      serving = optional(object({
        exported           = optional(bool)
        max_request_bytes  = optional(number)
        max_response_bytes = optional(number)
        program            = optional(string)
        threads            = optional(number)
        timeout_seconds    = optional(number)
        workers            = optional(number)
      }))
    }))
    invocation        = optional(string, "serial")
    network_isolation = optional(bool)
    role = optional(object({
      create_boundary = optional(bool)
      existing = optional(object({
        arn           = string
        attach_policy = optional(bool)
      }))
      path                     = optional(string)
      permissions_boundary_arn = optional(string)
    }))
  })
  nullable = false

  # InvokeEndpointAsync has neither TargetModel nor TargetContainerHostname (botocore 1.44.5, sagemaker-runtime).
  validation {
    condition     = alltrue([for container in var.model.containers : container.multi_model == null])
    error_message = "Remove multi_model from ${join(", ", [for index, container in var.model.containers : "model.containers[${index}]" if container.multi_model != null])}: a request to an asynchronous endpoint cannot name a model. Use a real-time endpoint (modules model, endpoint-config and endpoint), or one archive with all models."
  }

  # Families with g after the number are AWS Graviton (arm64); framework images are for x86 CPUs and NVIDIA GPUs
  # (github.com/aws/deep-learning-containers, available_images.md).
  validation {
    condition = !can(regex("^ml\\.(?:[a-z]+[0-9]+g[a-z]*|p6e-gb[0-9]+|inf[0-9]+|trn[0-9]+[a-z]*|dl[0-9]+)\\.", var.endpoint.instance_type)) || alltrue([
      for container in var.model.containers : try(container.image.framework, null) == null
    ])
    error_message = "Give image.prebuilt, image.repository or image.uri instead of image.framework in model.containers: framework images are built for x86 CPUs and NVIDIA GPUs, and would not run, or not use the accelerator, on endpoint.instance_type ${var.endpoint.instance_type}. Repositories pytorch-inference-graviton and pytorch-inference-neuronx of AWS have others."
  }

  # "Marketplace images are not supported when specifying an AsyncInferenceConfig." (sagemaker-python-sdk, issue 3969)
  validation {
    condition = alltrue(flatten([
      for container in var.model.containers : [
        for account in [
          try(split(":", container.model_package.arn)[4], ""), try(split(".", container.model_package.image_uri)[0], ""),
          try(split(".", container.image.uri)[0], ""), try(coalesce(container.image.repository.account_id), ""),
        ] : !contains(local._marketplace_accounts, account)
      ]
    ]))
    error_message = "Images and packages of AWS Marketplace and SageMaker JumpStart in model.containers cannot be asynchronous: SageMaker refuses them. Deploy them to a real-time endpoint (modules model, endpoint-config and endpoint), or use an image of your own."
  }

  validation {
    condition     = try(var.model.role.existing, null) != null || alltrue([for container in var.model.containers : try(container.model_package.image_uri, "") != null])
    error_message = "Give image_uri in each model_package of model.containers, which the execution role must be allowed to pull. Only packages of AWS Marketplace hide theirs, and those cannot be asynchronous."
  }

  validation {
    condition     = var.model.invocation == "serial"
    error_message = "Remove model.invocation: a request to an asynchronous endpoint cannot name a container. Direct invocation needs a real-time endpoint (modules model, endpoint-config and endpoint)."
  }
}

variable "monitoring" {
  description = <<-TEXT
    What alarms do, settings of the alarms, alarms of your own, and the dashboard (module monitoring).
    - `actions`: What alarms do, up to five ARNs per state.
    - `actions.alarm`: ARNs notified when an alarm fires, usually of SNS topics.
    - `actions.insufficient_data`: ARNs notified when an alarm has too little data.
    - `actions.ok`: ARNs notified when an alarm recovers.
    - `alarms`: Settings of an alarm, by its name: backlog, client_errors, cpu, disk, download_failures, expired_requests, gpu, gpu_memory, invocation_failures, memory, model_latency, notification_failures, oldest_request_age, server_errors, stuck_at_zero or upload_failures.
    - `alarms.*.actions`: ARNs notified when it fires, instead of actions.alarm.
    - `alarms.*.datapoints_to_alarm`: Breaching periods out of evaluation_periods that fire it; all of them when it is null.
    - `alarms.*.enabled`: Whether to create the alarm; true when it is null.
    - `alarms.*.evaluation_periods`: Periods to evaluate; with period_seconds at most one day.
    - `alarms.*.missing_data`: How periods without data count: breaching, ignore, missing or notBreaching. notBreaching when it is null, because an idle endpoint publishes nothing.
    - `alarms.*.period_seconds`: Length of a period in seconds, a multiple of 60; 60 when it is null.
    - `alarms.*.statistic`: Statistic: Average, Maximum, Minimum, SampleCount, Sum or a percentile such as p99.
    - `alarms.*.threshold`: Value from which a period breaches, in the metric's unit; the defaults are in modules/monitoring/alarms.tf; for cpu, gpu and gpu_memory in percent of a whole instance. model_latency defaults to 80 percent of serving.timeout_seconds.
    - `dashboard`: Whether to create a dashboard of the endpoint, with its alarms at the top; true when it is null.
    - `extra_alarms`: Alarms of your own on metrics that the endpoint publishes, by name.
    - `extra_alarms.*.comparison_operator`: How the metric is compared: GreaterThanOrEqualToThreshold (when it is null), GreaterThanThreshold, LessThanOrEqualToThreshold or LessThanThreshold.
    - `extra_alarms.*.evaluation_periods`: Periods of 60 seconds that must breach; 5 when it is null.
    - `extra_alarms.*.metric`: Name of the metric, such as TimeInBacklog.
    - `extra_alarms.*.statistic`: Statistic: Average, Maximum, Minimum, SampleCount, Sum or a percentile such as p99.
    - `extra_alarms.*.threshold`: Value that the metric is compared with, in its unit.
  TEXT
  type = object({
    actions = optional(object({
      alarm             = optional(set(string))
      insufficient_data = optional(set(string))
      ok                = optional(set(string))
    }))
    alarms = optional(map(object({
      actions             = optional(set(string))
      datapoints_to_alarm = optional(number)
      enabled             = optional(bool)
      evaluation_periods  = optional(number)
      missing_data        = optional(string)
      period_seconds      = optional(number)
      statistic           = optional(string)
      threshold           = optional(number)
    })))
    dashboard = optional(bool)
    extra_alarms = optional(map(object({
      comparison_operator = optional(string)
      evaluation_periods  = optional(number)
      metric              = string
      statistic           = string
      threshold           = number
    })))
  })
  default  = {}
  nullable = false
}

variable "name" {
  description = "Name of the endpoint; with the environment it names every resource: 2 to 22 lowercase letters, digits and hyphens."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,20}[a-z0-9]$", var.name))
    error_message = "Variable name must be 2 to 22 lowercase letters, digits and hyphens that begin with a letter, so that every generated name stays within its limit."
  }
}

variable "names" {
  description = <<-TEXT
    Names of resources that exist and are imported into this deployment, instead of those derived from name and environment. async-endpoint adopt writes them.
    - `bucket`: Name of the bucket, whose contents and tags stay; state in storage.bucket_settings which of its settings are managed here.
    - `dead_letter_queue`: Name of the dead letter queue.
    - `endpoint`: Name of the endpoint. Its log group, alarms, dashboard and scaling are named after it.
    - `error_topic`: Name of the topic for failed requests. It stays as it is, but for its policy with notifications.replace_topic_policies.
    - `results_queue`: Name of the results queue. Its policy, encryption and redrive policy become those of a created one.
    - `role`: Name of the execution role, without its path, which is model.role.path. Its trust policy, description, tags and other policies stay; the policy that the endpoint needs is added.
    - `scheduled_actions`: Names of scheduled actions, by schedule.
    - `success_topic`: Name of the topic for completed requests, likewise; it may be the same topic.
    - `tracking_policy`: Name of the target tracking policy.
    - `variant`: Name of the endpoint's variant; primary when it is null. Another one is an update, for which scaling is detached and attached again.
    - `wake_alarm`: Name of the alarm that starts the first instance.
    - `wake_policy`: Name of the step scaling policy that starts the first instance.
  TEXT
  type = object({
    bucket            = optional(string)
    dead_letter_queue = optional(string)
    endpoint          = optional(string)
    error_topic       = optional(string)
    results_queue     = optional(string)
    role              = optional(string)
    scheduled_actions = optional(map(string))
    success_topic     = optional(string)
    tracking_policy   = optional(string)
    variant           = optional(string)
    wake_alarm        = optional(string)
    wake_policy       = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for name in [var.names.endpoint, var.names.variant] : name == null || (can(regex("^[a-zA-Z0-9](-*[a-zA-Z0-9])*$", name)) && length(coalesce(name, "-")) <= 63)
    ])
    error_message = "Fields names.endpoint and names.variant must be 1 to 63 letters, digits and hyphens that neither begin nor end with a hyphen."
  }
}

variable "network" {
  description = <<-TEXT
    Subnets and security groups of the containers: network = module.network, or ids of your own. Without them containers run in a network of Amazon SageMaker.
    - `security_group_ids`: Ids of up to 5 security groups.
    - `subnet_ids`: Ids of up to 16 subnets.
  TEXT
  type = object({
    security_group_ids = optional(list(string))
    subnet_ids         = optional(list(string))
  })
  default  = {}
  nullable = false
}

variable "notifications" {
  description = <<-TEXT
    Notifications of results (module notifications): their content, topics, the results queue and further subscriptions.
    - `include_response_in`: Notifications that include the response (up to 128 KB): SUCCESS_NOTIFICATION_TOPIC, ERROR_NOTIFICATION_TOPIC or both; both when it is null.
    - `max_receives`: Receives after which a message of the results queue moves to the dead letter queue: 1 to 1000; 5 when it is null.
    - `raw_message_delivery`: Whether the results queue receives messages without the SNS envelope, and so without its signature; false when it is null.
    - `replace_topic_policies`: Whether the policies of topics in names are replaced by those of created topics; required for such topics.
    - `restrict_publishers`: Whether to deny every publisher but the execution role on topics whose policies are managed here, and every sender but the topics on the results queue; true when it is null.
    - `retention_days`: Days that the results queue keeps a message: 1 to 14; 4 when it is null.
    - `subscriptions`: Further subscribers, by name. Undeliverable messages go to the dead letter queue.
    - `subscriptions.*.endpoint`: Where to deliver: an email address, an https URL, or the ARN of a Lambda function or SQS queue. A queue's own policy must admit sqs:SendMessage by sns.amazonaws.com.
    - `subscriptions.*.filter_policy`: Filter on the message body, in JSON, such as jsonencode({ inferenceId = [{ prefix = "nightly-" }] }); null delivers everything.
    - `subscriptions.*.outcomes`: Outcomes to deliver: error, success or both; both when it is null.
    - `subscriptions.*.protocol`: Protocol: email, https, lambda or sqs.
    - `subscriptions.*.raw_message_delivery`: Whether to deliver without the SNS envelope; false when it is null. For https and sqs.
    - `topics`: Existing standard topics to use instead of creating them, in this account and region. Their policies and encryption are not changed.
    - `topics.both`: One topic for both outcomes.
    - `topics.both.arn`: ARN of the topic.
    - `topics.both.kms_key_arn`: ARN of the KMS key that encrypts the topic; null where it is not encrypted with a customer managed key.
    - `topics.error`: Topic for failed requests.
    - `topics.error.arn`: ARN of the topic.
    - `topics.error.kms_key_arn`: ARN of the KMS key that encrypts the topic; null where it is not encrypted with a customer managed key.
    - `topics.success`: Topic for completed requests.
    - `topics.success.arn`: ARN of the topic.
    - `topics.success.kms_key_arn`: ARN of the KMS key that encrypts the topic; null where it is not encrypted with a customer managed key.
    - `visibility_timeout_seconds`: Seconds that a received message stays hidden from other consumers: 0 to 43200; 60 when it is null.
  TEXT
  type = object({
    include_response_in    = optional(set(string))
    max_receives           = optional(number)
    raw_message_delivery   = optional(bool)
    replace_topic_policies = optional(bool)
    restrict_publishers    = optional(bool)
    retention_days         = optional(number)
    subscriptions = optional(map(object({
      endpoint             = string
      filter_policy        = optional(string)
      outcomes             = optional(set(string))
      protocol             = string
      raw_message_delivery = optional(bool)
    })))
    topics = optional(object({
      both = optional(object({
        arn         = string
        kms_key_arn = optional(string)
      }))
      error = optional(object({
        arn         = string
        kms_key_arn = optional(string)
      }))
      success = optional(object({
        arn         = string
        kms_key_arn = optional(string)
      }))
    }), {})
    visibility_timeout_seconds = optional(number)
  })
  default  = {}
  nullable = false
}

variable "scaling" {
  description = <<-TEXT
    Automatic scaling (module endpoint): bounds of the instance count, target backlog, cooldowns and schedules.
    - `max_instances`: Most instances: 1 or more.
    - `min_instances`: Fewest instances; 0 scales to zero while idle.
    - `scale_in_cooldown_seconds`: Cooldown after removing instances, in seconds; 300 when it is null.
    - `scale_out_cooldown_seconds`: Cooldown after adding instances, in seconds; 300 when it is null.
    - `schedules`: Scheduled actions that set other bounds, by name, such as for business hours.
    - `schedules.*.end_time`: Time after which the schedule no longer runs, in RFC 3339.
    - `schedules.*.max_instances`: Most instances from then on.
    - `schedules.*.min_instances`: Fewest instances from then on.
    - `schedules.*.schedule`: When it runs: at(…), rate(…) or cron(…), such as cron(0 7 ? * MON-FRI *).
    - `schedules.*.start_time`: Time before which the schedule does not run, in RFC 3339.
    - `schedules.*.timezone`: Time zone of at(…) and cron(…), such as Europe/Berlin; UTC when it is null.
    - `target_backlog_per_instance`: Target for requests that wait or are in process, per instance: instances are added above it.
    - `wake_cooldown_seconds`: Cooldown after starting the first instance, in seconds; 300 when it is null.
  TEXT
  type = object({
    max_instances              = optional(number, 2)
    min_instances              = optional(number, 0)
    scale_in_cooldown_seconds  = optional(number)
    scale_out_cooldown_seconds = optional(number)
    schedules = optional(map(object({
      end_time      = optional(string)
      max_instances = number
      min_instances = number
      schedule      = string
      start_time    = optional(string)
      timezone      = optional(string)
    })))
    target_backlog_per_instance = optional(number, 5)
    wake_cooldown_seconds       = optional(number)
  })
  default  = {}
  nullable = false
}

variable "storage" {
  description = <<-TEXT
    Bucket and KMS key: either of this endpoint alone (module storage), or shared with other endpoints.
    - `access_logs`: Server access logs of the created bucket.
    - `access_logs.destination`: Where access logs go; none when it is null.
    - `access_logs.destination.bucket_name`: Bucket of this region and account that admits log delivery by logging.s3.amazonaws.com, encrypted with keys of Amazon S3 (a KMS key is not supported there).
    - `access_logs.destination.prefix`: Key prefix of the logs; the deployment's name and a slash when it is null.
    - `bucket_settings`: Settings of the bucket that are managed here, of encryption, lifecycle, ownership, policy, public_access and versioning; all of them when it is null. Others stay as they are: for a bucket that is imported.
    - `encrypt_results`: Whether results and core dumps are encrypted with the key. If not, they are encrypted as the bucket says by itself, whose encryption is then not managed here: for readers who have permissions on objects alone, and results that outlive the deployment's key. True when it is null.
    - `existing`: Existing resources to use instead of creating them. They are never modified.
    - `existing.bucket`: An existing bucket. It needs the policy in output bucket_policy_json of module storage.
    - `existing.bucket.name`: Name of the bucket, in the endpoint's region.
    - `existing.key`: An existing KMS key. It needs the policy in output key_policy_json of module storage.
    - `existing.key.arn`: ARN of the key, not of an alias, in the endpoint's region.
    - `expire_after_days`: Days until objects expire, by role. 30 days, and 7 for noncurrent versions, when it is null; {} creates no lifecycle rules.
    - `expire_after_days.failure`: Days until failures expire; never when it is null.
    - `expire_after_days.input`: Days until inputs expire; never when it is null.
    - `expire_after_days.noncurrent`: Days until replaced or deleted versions expire; never when it is null.
    - `expire_after_days.output`: Days until outputs expire; never when it is null.
    - `expire_after_days.predictions`: Days until predictions of the HTTP API expire; never when it is null. Its credentials never do.
    - `force_destroy`: Whether destroying the bucket also deletes its objects; false when it is null.
    - `key_deletion_window_days`: Days during which the deleted key can be restored: 7 to 30; 30 when it is null.
    - `prefixes`: Key prefixes by role; each ends in a slash, and none contains another.
    - `prefixes.credentials`: Prefix of the HTTP API's keys and signing secrets; credentials/ when it is null.
    - `prefixes.failure`: Prefix of failures; failure/ when it is null.
    - `prefixes.input`: Prefix of inputs; input/ when it is null.
    - `prefixes.model`: Prefix of model archives; model/ when it is null.
    - `prefixes.output`: Prefix of outputs; output/ when it is null.
    - `prefixes.predictions`: Prefix of the HTTP API's predictions; predictions/ when it is null.
    - `readers`: Other readers, such as another account, by a name of letters and digits.
    - `readers.*.principal_arns`: ARNs of accounts, roles or users. Principals of another account need the same permissions there.
    - `readers.*.reads`: Roles of the prefixes they read; failure and output when it is null.
    - `shared`: Storage that several endpoints share, output shared of module storage, instead of all other fields.
    - `shared.bucket_arn`: ARN of the bucket.
    - `shared.bucket_name`: Name of the bucket.
    - `shared.endpoint_names`: Names or patterns of the endpoints that the key's policy admits.
    - `shared.kms_key_arn`: ARN of the KMS key.
    - `shared.prefixes`: Key prefixes by role; the endpoint uses its own name below each.
    - `shared.prefixes.credentials`: Prefix of the HTTP API's keys and signing secrets.
    - `shared.prefixes.failure`: Prefix of failures.
    - `shared.prefixes.input`: Prefix of inputs.
    - `shared.prefixes.model`: Prefix of model archives.
    - `shared.prefixes.output`: Prefix of outputs.
    - `shared.prefixes.predictions`: Prefix of the HTTP API's predictions.
    - `shared.topic_arns`: Existing topics that the key's policy admits.
  TEXT
  type = object({
    access_logs = optional(object({
      destination = optional(object({
        bucket_name = string
        prefix      = optional(string)
      }))
    }))
    bucket_settings = optional(set(string))
    encrypt_results = optional(bool)
    existing = optional(object({
      bucket = optional(object({
        name = string
      }))
      key = optional(object({
        arn = string
      }))
    }))
    expire_after_days = optional(object({
      failure     = optional(number)
      input       = optional(number)
      noncurrent  = optional(number)
      output      = optional(number)
      predictions = optional(number)
    }))
    force_destroy            = optional(bool)
    key_deletion_window_days = optional(number)
    prefixes = optional(object({
      credentials = optional(string)
      failure     = optional(string)
      input       = optional(string)
      model       = optional(string)
      output      = optional(string)
      predictions = optional(string)
    }))
    readers = optional(map(object({
      principal_arns = set(string)
      reads          = optional(set(string))
    })))
    shared = optional(object({
      bucket_arn     = string
      bucket_name    = string
      endpoint_names = set(string)
      kms_key_arn    = string
      prefixes = object({
        credentials = string
        failure     = string
        input       = string
        model       = string
        output      = string
        predictions = string
      })
      topic_arns = list(string)
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.storage.shared == null || alltrue([for field, value in var.storage : value == null if field != "shared"])
    error_message = "Move the fields beside storage.shared to the call of module storage that creates it: shared storage is configured there."
  }

  validation {
    condition     = coalesce(var.storage.encrypt_results, true) || try(var.storage.existing.bucket, null) != null || !contains(coalesce(var.storage.bucket_settings, ["encryption"]), "encryption")
    error_message = "Remove storage.encrypt_results: the encryption of this bucket is managed here, with the deployment's key. It is for a bucket that keeps its own: storage.existing.bucket, or names.bucket with storage.bucket_settings."
  }

  validation {
    condition     = var.names.bucket == null || var.storage.shared == null
    error_message = "Give names.bucket to the call of module storage that creates the shared storage: this endpoint has no bucket of its own."
  }

  validation {
    condition = var.storage.shared == null || alltrue([
      for name in distinct(["${var.name}-${var.environment}", coalesce(var.names.endpoint, "${var.name}-${var.environment}")]) :
      anytrue([for pattern in try(var.storage.shared.endpoint_names, []) : can(regex("^${replace(pattern, "*", ".*")}$", name))])
    ])
    error_message = "Add ${join(" and ", [for name in distinct(["${var.name}-${var.environment}", coalesce(var.names.endpoint, "${var.name}-${var.environment}")]) : "\"${name}\""])}, or a pattern such as \"*-${var.environment}\", to endpoint_names of the shared storage (now ${join(", ", try(var.storage.shared.endpoint_names, []))}): its key would refuse this endpoint's notifications and logs."
  }

  validation {
    condition = var.storage.shared == null || (
      length(setsubtract([for topic in values(var.notifications.topics) : topic.arn if topic != null], try(var.storage.shared.topic_arns, []))) == 0
      && alltrue([
        for name in [var.names.error_topic, var.names.success_topic] :
        name == null || anytrue([for arn in try(var.storage.shared.topic_arns, []) : endswith(arn, ":${coalesce(name, "-")}")])
      ])
    )
    error_message = "Add the topics of notifications.topics and names to topic_arns of the shared storage: its key would refuse their deliveries."
  }
}

variable "tags" {
  description = "Tags of all taggable resources, beside the provider's default_tags. At most 10 with an uploaded archive, the most an S3 object has, default_tags included."
  type        = map(string)
  default     = {}
  nullable    = false
}
