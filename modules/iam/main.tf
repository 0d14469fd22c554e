locals {
  # arn:partition:sagemaker:region:account:endpoint/name
  _arn           = split(":", var.endpoint_arn)
  _partition     = local._arn[1]
  _region        = local._arn[3]
  _account       = local._arn[4]
  _endpoint_name = trimprefix(local._arn[5], "endpoint/")

  # What an ARN begins with, by service, where account and region are those of the endpoint.
  _here = { for service in ["application-autoscaling", "cloudwatch", "kms", "logs", "sagemaker", "sns", "sqs"] :
    service => "arn:${local._partition}:${service}:${local._region}:${local._account}:"
  }
  _iam = "arn:${local._partition}:iam::${local._account}:"

  policies = {
    caller    = { json = data.aws_iam_policy_document.caller.json, may = "Invoke ${var.name} and collect its results" }
    collector = { json = data.aws_iam_policy_document.collector.json, may = "Collect the results of ${var.name}" }
    deployer  = { json = data.aws_iam_policy_document.deployer.json, may = "Update ${var.name}" }
    verifier  = { json = data.aws_iam_policy_document.verifier.json, may = "Compare ${var.name} with what was applied" }
    watcher   = { json = data.aws_iam_policy_document.watcher.json, may = "See what ${var.name} is doing" }
  }
}

resource "aws_iam_policy" "this" {
  for_each = setunion(var.managed_policies, var.github.policies)

  name        = "${var.name}-${each.key}"
  description = local.policies[each.key].may
  policy      = local.policies[each.key].json
}

moved {
  from = aws_iam_policy.caller[0]
  to   = aws_iam_policy.this["caller"]
}
