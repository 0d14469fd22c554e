# Of functions and of requests, encrypted with one key.
locals {
  _kms_key_arn = var.kms_key_arn == null ? aws_kms_key.this[0].arn : var.kms_key_arn
  _log_groups  = { for function in keys(local._functions) : function => "/aws/lambda/${var.name}-${function}" }
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_338:Retention is the caller's choice: logs.retention_days.
  for_each = local._log_groups

  name              = each.value
  kms_key_id        = local._kms_key_arn
  retention_in_days = var.logs.retention_days
  tags              = var.tags
}

resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_338:Retention is the caller's choice: logs.retention_days.
  name              = "/aws/apigateway/${var.name}"
  kms_key_id        = local._kms_key_arn
  retention_in_days = var.logs.retention_days
  tags              = var.tags
}

data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:The key policy delegates to IAM policies of its account, as AWS's default does.
  #checkov:skip=CKV_AWS_111:The key policy delegates to IAM policies of its account, as AWS's default does.
  #checkov:skip=CKV_AWS_356:In a key policy the resource is that key.

  statement {
    sid       = "DelegateToIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local._partition}:iam::${local._account}:root"]
    }
  }

  # Amazon CloudWatch Logs guide, "encrypt log data".
  statement {
    sid       = "EncryptLogs"
    actions   = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local._region}.${local._suffix}"]
    }

    condition {
      test     = "ArnEquals"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = [for name in concat(values(local._log_groups), ["/aws/apigateway/${var.name}"]) : "arn:${local._partition}:logs:${local._region}:${local._account}:log-group:${name}"]
    }
  }
}

resource "aws_kms_key" "this" {
  count = var.kms_key_arn == null ? 1 : 0

  description             = "Logs and settings of the HTTP API ${var.name}"
  deletion_window_in_days = 7
  enable_key_rotation     = true
  policy                  = data.aws_iam_policy_document.key.json
  tags                    = var.tags
}
