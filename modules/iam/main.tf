data "aws_partition" "current" {}

locals {
  # arn:partition:sagemaker:region:account:endpoint/name
  _arn           = split(":", var.endpoint_arn)
  _partition     = local._arn[1]
  _region        = local._arn[3]
  _account       = local._arn[4]
  _endpoint_name = coalesce(var.names.endpoint, trimprefix(local._arn[5], "endpoint/")) # an ARN has names in lower case (A316)

  # ARN prefixes by service, in the endpoint's account and region.
  _here = { for service in ["application-autoscaling", "cloudwatch", "ecr", "kms", "lambda", "logs", "sagemaker", "sns", "sqs"] :
    service => "arn:${local._partition}:${service}:${local._region}:${local._account}:"
  }
  _iam = "arn:${local._partition}:iam::${local._account}:"

  _configurations = ["${local._here.sagemaker}endpoint-config/${lower(var.name)}-*"]

  # Actions on a group have its ARN or one that continues with a colon; never another endpoint whose name begins alike.
  _log_group = [for end in ["", ":*"] : "${local._here.logs}log-group:/aws/sagemaker/Endpoints/${local._endpoint_name}${end}"]

  # Reply queues of callers, by the prefix of their names (client/reply_queue.py).
  _own_queues = "${local._here.sqs}${local._endpoint_name}-reply-*"

  # Values of kms:ViaService: AWS documents amazonaws.com, and in China either suffix is admitted (assumption A100).
  _via = { for service in ["s3", "sqs"] :
    service => distinct([for suffix in ["amazonaws.com", data.aws_partition.current.dns_suffix] : "${service}.${local._region}.${suffix}"])
  }

  # Topics and queues: those derived from the deployment's name, and imported ones.
  _messaging = concat(
    ["${local._here.sns}${local._named}", "${local._here.sqs}${local._named}"],
    [for name in distinct(compact([var.names.error_topic, var.names.success_topic])) : "${local._here.sns}${name}"],
    [for name in compact([var.names.dead_letter_queue, var.names.results_queue]) : "${local._here.sqs}${name}"],
  )

  # Prefix of the names that are global to the account: another region may have a deployment of the same name.
  _global_name = "${var.name}-${local._region}"

  # Model archives: those of the deployment, and supplied ones.
  _archives = concat(
    ["${var.storage.bucket_arn}/${var.storage.prefixes.model}*"],
    [for uri in var.archive_uris : "arn:${local._partition}:s3:::${trimprefix(uri, "s3://")}"],
  )

  # The last two exist with an HTTP API alone.
  _all_policies = {
    caller    = { json = data.aws_iam_policy_document.caller.json, description = "Invoke ${var.name} and collect its results" }
    collector = { json = data.aws_iam_policy_document.collector.json, description = "Collect the results of ${var.name}" }
    deployer  = { json = data.aws_iam_policy_document.deployer.json, description = "Update ${var.name}" }
    destroyer = { json = data.aws_iam_policy_document.destroyer.json, description = "Destroy ${var.name}, beside its deployer policy" }
    planner   = { json = data.aws_iam_policy_document.planner.json, description = "Plan changes of ${var.name} and find drift" }
    verifier  = { json = data.aws_iam_policy_document.verifier.json, description = "Compare ${var.name} with what was applied" }
    watcher   = { json = data.aws_iam_policy_document.watcher.json, description = "Monitor ${var.name}" }
    api       = { json = one(data.aws_iam_policy_document.api[*].json), description = "Serve ${var.name} by its HTTP API" }
    api_admin = { json = one(data.aws_iam_policy_document.api_admin[*].json), description = "Administer the HTTP API of ${var.name}" }
  }
  policies = { for role, policy in local._all_policies : role => policy if var.http_api != null || !startswith(role, "api") }
}

resource "aws_iam_policy" "this" {
  for_each = setunion(var.access.managed_policies, [for attached in local._github_policies : attached.policy])

  name        = "${local._global_name}-${replace(each.key, "_", "-")}"
  description = local.policies[each.key].description
  policy      = local.policies[each.key].json
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(replace(local.policies[each.key].json, "/\\s/", "")) <= 6144
      error_message = "The ${each.key} policy has ${length(replace(local.policies[each.key].json, "/\\s/", ""))} characters, and AWS accepts 6144 in a managed policy: shorten names, or give fewer functions in notifications.subscriptions."
    }
  }
}
