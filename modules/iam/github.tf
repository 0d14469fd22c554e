locals {
  _github = "token.actions.githubusercontent.com"

  # The role that applies, and the one that reads: pull requests plan before anyone has reviewed them.
  _github_roles = { for role, subjects in {
    deployer = var.access.github.deployer.subjects
    planner  = var.access.github.planner.subjects
  } : role => subjects if length(subjects) > 0 }

  _github_role_arns    = [for role in ["deployer", "planner"] : "${local._iam}role/${local._global_name}-${role}"]
  _github_provider_arn = coalesce(var.access.github.provider_arn, "${local._iam}oidc-provider/${local._github}")

  # Policies of this module by role, and policies of elsewhere.
  _github_policies = { for attached in concat(
    [for policy in var.access.github.deployer.policies : { role = "deployer", policy = policy }],
    [{ role = "planner", policy = "planner" }],
  ) : "${attached.role}/${attached.policy}" => attached if contains(keys(local._github_roles), attached.role) }

  _github_policy_arns = merge([for role, arns in {
    deployer = var.access.github.deployer.policy_arns
    planner  = var.access.github.planner.policy_arns
  } : { for name, arn in arns : "${role}/${name}" => { role = role, arn = arn } if contains(keys(local._github_roles), role) }]...)
}

# One per account: give access.github.provider_arn if there is one already.
resource "aws_iam_openid_connect_provider" "github" {
  count = length(local._github_roles) > 0 && var.access.github.provider_arn == null ? 1 : 0

  url            = "https://${local._github}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

data "aws_iam_policy_document" "github" {
  for_each = local._github_roles

  statement {
    sid     = "AssumeByWorkflows"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local._github_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local._github}:aud"
      values   = ["sts.amazonaws.com"]
    }

    # Without this condition any workflow on GitHub could assume the role.
    condition {
      test     = anytrue([for subject in each.value : strcontains(subject, "*")]) ? "StringLike" : "StringEquals"
      variable = "${local._github}:sub"
      values   = each.value
    }

    # The subject of a job with an environment has no branch, and the environment's own rules of branches can be missing. STS
    # compares this claim since January 2026, in the commercial regions (assumption A276).
    dynamic "condition" {
      for_each = each.key == "deployer" && local._partition == "aws" && length(var.access.github.deployer.refs) > 0 ? [var.access.github.deployer.refs] : []

      content {
        test     = "StringEquals"
        variable = "${local._github}:ref"
        values   = condition.value
      }
    }
  }
}

resource "aws_iam_role" "github" {
  for_each = local._github_roles

  name                 = "${local._global_name}-${each.key}"
  description          = "GitHub Actions workflows that ${each.key == "planner" ? "plan" : "deploy"} ${var.name} in ${local._region}"
  assume_role_policy   = data.aws_iam_policy_document.github[each.key].json
  max_session_duration = each.key == "deployer" ? var.access.github.deployer.session_seconds : 3600
  tags                 = var.tags

  depends_on = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_role_policy_attachment" "github" {
  for_each = local._github_policies

  role       = aws_iam_role.github[each.value.role].name
  policy_arn = aws_iam_policy.this[each.value.policy].arn
}

resource "aws_iam_role_policy_attachment" "github_supplied" {
  for_each = local._github_policy_arns

  role       = aws_iam_role.github[each.value.role].name
  policy_arn = each.value.arn
}
