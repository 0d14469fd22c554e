locals {
  # With the region: a role is global to its account, and another region may have a deployment of the same name.
  _role_name = "${var.name}-${local._region}-execution"

  # Computed, so that policies that name it are known in the plan.
  _boundary_arn = var.model.role.create_boundary ? "arn:${local._partition}:iam::${local._account}:policy/${local._role_name}-boundary" : var.model.role.permissions_boundary_arn

  role_arn = var.model.role.existing == null ? aws_iam_role.execution[0].arn : var.model.role.existing.arn

  # Computed rather than read from the role, whose policy needs the topics: the topics' policies name the role.
  planned_role_arn = var.model.role.existing == null ? "arn:${local._partition}:iam::${local._account}:role${var.model.role.path}${local._role_name}" : var.model.role.existing.arn
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
  count = var.model.role.existing == null ? 1 : 0

  name                 = local._role_name
  path                 = var.model.role.path
  permissions_boundary = var.model.role.create_boundary ? aws_iam_policy.boundary[0].arn : var.model.role.permissions_boundary_arn
  description          = "SageMaker execution role of ${join(", ", var.endpoint_names)}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  tags                 = var.tags
}

resource "aws_iam_role_policy" "execution" {
  count = try(var.model.role.existing.attach_policy, true) ? 1 : 0

  name   = var.model.role.existing == null ? "execution" : "${var.name}-execution"
  role   = var.model.role.existing == null ? aws_iam_role.execution[0].name : regex("[^/]+$", var.model.role.existing.arn)
  policy = data.aws_iam_policy_document.execution.json

  lifecycle {
    precondition {
      condition     = length(replace(data.aws_iam_policy_document.execution.json, "/\\s/", "")) <= 10240
      error_message = "The policy of the execution role has ${length(replace(data.aws_iam_policy_document.execution.json, "/\\s/", ""))} characters, and AWS accepts 10240 in a role's inline policies: give fewer endpoints, containers with model data of their own, subnets or security groups."
    }
  }
}
