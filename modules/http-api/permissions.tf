# A role for each function, with what its own work needs; modules/iam has the union of the three as policy api.
locals {
  _arns = {
    for name, endpoint in var.async_endpoints : name => merge(
      {
        for place, uri in merge(
          { failure = endpoint.storage.failure_uri, input = endpoint.storage.input_uri, output = endpoint.storage.output_uri },
          { credentials = endpoint.http_api.credentials_uri, state = endpoint.http_api.state_uri },
        ) : place => "arn:${local._partition}:s3:::${trimprefix(uri, "s3://")}"
      },
      {
        dead_letters = "arn:${local._partition}:sqs:${endpoint.region}:${endpoint.account_id}:${reverse(split("/", endpoint.http_api.delivery_dead_letter_queue_url))[0]}"
      },
    )
  }
  _list = { for place in ["credentials", "dead_letters", "failure", "input", "output", "state"] : place => [for arns in local._arns : arns[place]] }

  _bucket_arns = distinct([for endpoint in var.async_endpoints : "arn:${local._partition}:s3:::${endpoint.storage.bucket}"])
  _key_arns    = distinct(compact([for endpoint in var.async_endpoints : endpoint.storage.kms_key_arn]))
  _queue_arns  = [for endpoint in var.async_endpoints : endpoint.http_api.delivery_queue_arn]
  _via         = distinct(flatten([for suffix in ["amazonaws.com", local._suffix] : ["s3.${local._region}.${suffix}", "sqs.${local._region}.${suffix}"]]))

  # What each function may do, by statement.
  _statements = {
    api = {
      Invoke     = { actions = ["sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpointAsync"], resources = [for endpoint in var.async_endpoints : endpoint.endpoint.arn] }
      Measure    = { actions = ["cloudwatch:GetMetricData"], resources = ["*"] } # without a resource type
      PutInputs  = { actions = ["s3:GetObject", "s3:PutObject"], resources = [for arn in local._list.input : "${arn}api/*"] }
      GetResults = { actions = ["s3:GetObject"], resources = concat([for arn in local._list.output : "${arn}api/*"], [for arn in local._list.failure : "${arn}*"]) }
      Submit     = { actions = ["s3:GetObject", "s3:PutObject"], resources = flatten([for arn in local._list.state : ["${arn}records/*", "${arn}submitted/*"]]) }
      ReadKeys   = { actions = ["s3:GetObject"], resources = [for arn in local._list.credentials : "${arn}keys/*"] }
      # A prediction that is accepted long after it was claimed is looked at after its deadline (http_api/predictions/submission.py).
      Announce = { actions = ["sqs:SendMessage"], resources = local._queue_arns }
      # The end of a prediction with a webhook is the one that was announced (http_api/predictions/current.py).
      ReadOutcomes = { actions = ["s3:GetObject"], resources = [for arn in local._list.state : "${arn}outcomes/*"] }
      # A caller's secret is created when it is first asked for.
      ShowSecret = { actions = ["s3:GetObject", "s3:PutObject"], resources = [for arn in local._list.credentials : "${arn}secrets/*"] }
    }
    deliver = {
      Receive         = { actions = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], resources = local._queue_arns }
      Retry           = { actions = ["sqs:SendMessage"], resources = concat(local._queue_arns, local._list.dead_letters) }
      ReadPredictions = { actions = ["s3:GetObject"], resources = flatten([for arn in local._list.state : ["${arn}records/*", "${arn}submitted/*"]]) }
      GetResults      = { actions = ["s3:GetObject"], resources = concat([for arn in local._list.output : "${arn}api/*"], [for arn in local._list.failure : "${arn}*"]) }
      KeepOutcomes = {
        actions   = ["s3:GetObject", "s3:PutObject"]
        resources = concat([for arn in local._list.state : "${arn}outcomes/*"], [for arn in local._list.credentials : "${arn}secrets/*"])
      }
    }
    sweep = {
      Announce        = { actions = ["sqs:SendMessage"], resources = local._queue_arns }
      KeepPosition    = { actions = ["s3:GetObject", "s3:PutObject"], resources = [for arn in local._list.state : "${arn}sweep.json"] }
      ReadPredictions = { actions = ["s3:GetObject"], resources = flatten([for arn in local._list.state : ["${arn}outcomes/*", "${arn}records/*", "${arn}submitted/*"]]) }
    }
  }

  # Below which folders each function may list. For all, reading what does not exist is 404 instead of 403.
  _listable = { api = "submitted/*", deliver = "outcomes/", sweep = "submitted/*" }
}

data "aws_iam_policy_document" "function" {
  for_each = local._statements

  dynamic "statement" {
    for_each = each.value

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }

  # "IfExists", because reading a key carries no prefix.
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = local._bucket_arns

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = [for endpoint in var.async_endpoints : "${join("/", slice(split("/", endpoint.http_api.state_uri), 3, length(split("/", endpoint.http_api.state_uri)) - 1))}/${local._listable[each.key]}"]
    }
  }

  dynamic "statement" {
    for_each = length(local._key_arns) > 0 ? [local._key_arns] : []

    content {
      sid       = "UseKeys"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = local._via
      }
    }
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "RunAsFunction"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

# Named by function, so that http_api.sender_role_arns of an endpoint can have their ARNs before they exist.
resource "aws_iam_role" "this" {
  for_each = local._statements

  name               = "${var.name}-${local._region}-${each.key}"
  description        = "Function ${each.key} of the HTTP API ${var.name} in ${local._region}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = local._statements

  name   = "function"
  role   = aws_iam_role.this[each.key].id
  policy = data.aws_iam_policy_document.function[each.key].json

  lifecycle {
    precondition {
      condition     = length(replace(data.aws_iam_policy_document.function[each.key].json, "/\\s/", "")) <= 10240
      error_message = "The policy of function ${each.key} has ${length(replace(data.aws_iam_policy_document.function[each.key].json, "/\\s/", ""))} characters, and AWS IAM accepts 10240 in a role: serve fewer endpoints by one HTTP API."
    }
  }
}
