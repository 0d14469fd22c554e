locals {
  _github = "token.actions.githubusercontent.com"

  _github_role = "${local._iam}role/${local._global_name}-github"

  _has_github          = length(var.access.github.subjects) > 0
  _github_provider_arn = try(coalesce(var.access.github.provider_arn, one(aws_iam_openid_connect_provider.github[*].arn)), null)
}

# One per account: give access.github.provider_arn if there is one already.
resource "aws_iam_openid_connect_provider" "github" {
  count = local._has_github && var.access.github.provider_arn == null ? 1 : 0

  url            = "https://${local._github}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

data "aws_iam_policy_document" "github" {
  count = local._has_github ? 1 : 0

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
      test     = anytrue([for subject in var.access.github.subjects : strcontains(subject, "*")]) ? "StringLike" : "StringEquals"
      variable = "${local._github}:sub"
      values   = var.access.github.subjects
    }
  }
}

resource "aws_iam_role" "github" {
  count = local._has_github ? 1 : 0

  name                 = "${local._global_name}-github"
  description          = "GitHub Actions workflows for ${var.name} in ${local._region}"
  assume_role_policy   = data.aws_iam_policy_document.github[0].json
  max_session_duration = var.access.github.session_seconds
  tags                 = var.tags
}

resource "aws_iam_role_policy_attachment" "github" {
  for_each = var.access.github.policies

  role       = aws_iam_role.github[0].name
  policy_arn = aws_iam_policy.this[each.key].arn
}
