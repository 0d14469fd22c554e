data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account   = data.aws_caller_identity.current.account_id
  _partition = data.aws_partition.current.partition
  _region    = data.aws_region.current.name

  _role_name = "${var.name}-execution"

  role_arn = var.role.existing == null ? aws_iam_role.execution[0].arn : var.role.existing.arn

  # Computed rather than read from the role, whose rights need the topics: the topics' policies name the role.
  planned_role_arn = var.role.existing == null ? "arn:${local._partition}:iam::${local._account}:role${var.role.path}${local._role_name}" : var.role.existing.arn
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "AssumeBySageMaker"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local._account]
    }
  }
}

resource "aws_iam_role" "execution" {
  count = var.role.existing == null ? 1 : 0

  name                 = local._role_name
  path                 = var.role.path
  permissions_boundary = var.role.permissions_boundary_arn
  description          = "What SageMaker may do for the model of ${join(", ", var.endpoint_names)}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "execution" {
  count = var.role.existing == null ? 1 : 0

  name   = "execution"
  role   = aws_iam_role.execution[0].name
  policy = data.aws_iam_policy_document.execution.json
}
