locals {
  # With the region: a role is global to its account, and another region may have a deployment of the same name.
  _derived_name = "${var.name}-${local._region}-execution"
  _role_name    = coalesce(var.names.role, local._derived_name)
  _role         = one(concat(aws_iam_role.execution, aws_iam_role.imported))

  # Computed, so that policies that name it are known in the plan.
  _boundary_arn = var.model.role.create_boundary ? "arn:${local._partition}:iam::${local._account}:policy/${local._derived_name}-boundary" : var.model.role.permissions_boundary_arn

  role_arn = var.model.role.existing == null ? local._role.arn : var.model.role.existing.arn

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
  count = var.model.role.existing == null && var.names.role == null ? 1 : 0

  name                 = local._derived_name
  path                 = var.model.role.path
  permissions_boundary = var.model.role.create_boundary ? aws_iam_policy.boundary[0].arn : var.model.role.permissions_boundary_arn
  description          = "SageMaker execution role of ${join(", ", var.endpoint_names)}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  tags                 = var.tags
}

# A role that existed before: its trust policy, description and tags stay, and so do policies that others gave it. A resource of its own,
# because ignore_changes cannot depend on a variable.
resource "aws_iam_role" "imported" {
  count = var.model.role.existing == null && var.names.role != null ? 1 : 0

  name                 = var.names.role
  path                 = var.model.role.path
  permissions_boundary = var.model.role.create_boundary ? aws_iam_policy.boundary[0].arn : var.model.role.permissions_boundary_arn
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  tags                 = var.tags

  lifecycle {
    ignore_changes = [assume_role_policy, description, max_session_duration, tags]

    # At this address it would be a second resource for a role that this deployment has made.
    precondition {
      condition     = var.names.role != local._derived_name
      error_message = "Remove names.role if this deployment created ${local._derived_name}: its role has that name without it. If the role existed before, give the endpoint another name, or the role in model.role.existing."
    }
  }
}

resource "aws_iam_role_policy" "execution" {
  count = try(var.model.role.existing.attach_policy, true) ? 1 : 0

  # A role that is there already may have a policy called "execution", which this one would replace.
  name   = var.model.role.existing == null && var.names.role == null ? "execution" : local._derived_name
  role   = var.model.role.existing == null ? local._role.name : regex("[^/]+$", var.model.role.existing.arn)
  policy = data.aws_iam_policy_document.execution.json

  lifecycle {
    precondition {
      condition     = length(replace(data.aws_iam_policy_document.execution.json, "/\\s/", "")) <= 10240
      error_message = "The policy of the execution role has ${length(replace(data.aws_iam_policy_document.execution.json, "/\\s/", ""))} characters, and AWS accepts 10240 in a role's inline policies: give fewer endpoints, containers with model data of their own, subnets or security groups."
    }
  }
}
