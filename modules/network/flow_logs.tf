# Which addresses exchanged traffic: the only trace of connections that a container attempted.
locals {
  _flow_logs = var.flow_logs.enabled ? 1 : 0
}

resource "aws_cloudwatch_log_group" "flow_logs" {
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts with a key of its own unless flow_logs.kms_key_arn is given.
  #checkov:skip=CKV_AWS_338:Retention is each environment's choice: flow_logs.retention_days.
  count = local._flow_logs

  name              = "/aws/vpc/${var.name}"
  kms_key_id        = var.flow_logs.kms_key_arn
  retention_in_days = var.flow_logs.retention_days
  tags              = var.tags
}

data "aws_iam_policy_document" "flow_logs_trust" {
  statement {
    sid     = "AssumeByFlowLogs"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local._account]
    }
  }
}

data "aws_iam_policy_document" "flow_logs" {
  statement {
    sid       = "WriteFlowLogs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = [for group in aws_cloudwatch_log_group.flow_logs : "${group.arn}:*"]
  }

  # Amazon VPC guide, "IAM role for publishing flow logs to CloudWatch Logs". The action has no resource type.
  statement {
    sid       = "FindLogGroup"
    actions   = ["logs:DescribeLogGroups"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "flow_logs" {
  count = local._flow_logs

  name               = "${var.name}-${local._region}-flow-logs" # global to the account, and other regions may have a network of this name
  assume_role_policy = data.aws_iam_policy_document.flow_logs_trust.json
  description        = "Lets VPC flow logs of ${var.name} write their log group"
  tags               = var.tags
}

resource "aws_iam_role_policy" "flow_logs" {
  count = local._flow_logs

  name   = "flow-logs"
  policy = data.aws_iam_policy_document.flow_logs.json
  role   = aws_iam_role.flow_logs[0].name
}

resource "aws_flow_log" "this" {
  count = local._flow_logs

  iam_role_arn    = aws_iam_role.flow_logs[0].arn
  log_destination = aws_cloudwatch_log_group.flow_logs[0].arn
  traffic_type    = "ALL"
  vpc_id          = aws_vpc.this.id

  tags = merge(var.tags, { Name = var.name })
}
