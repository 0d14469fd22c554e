# For `async-endpoint plan`, `drift`, `doctor` and `verify`, in pull requests too: reads how the deployment is set up, and changes
# nothing. It passes no role and uses no key, so that of an archive in the deployment's bucket it sees size, version and tags but not
# the content, and of inputs and results nothing at all.
data "aws_iam_policy_document" "planner" {
  statement {
    sid       = "DescribeHosting"
    actions   = ["sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel", "sagemaker:ListTags"]
    resources = local._hosting
  }

  # Any policy that is attached to the execution role, AWS managed policies included. Doctor looks for the image, without its layers,
  # and simulates what the roles for GitHub may pass.
  statement {
    sid     = "Read"
    actions = concat(local._reading, ["ecr:BatchGetImage", "ecr:DescribeImages", "iam:SimulatePrincipalPolicy"])
    resources = concat(local._administered, [
      "${local._here.ecr}repository/*", "${local._iam}policy/*", "arn:${local._partition}:iam::aws:policy/*",
    ])
  }

  # Alarms are described by a prefix or without names, so it needs all.
  statement {
    sid       = "DescribeAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = ["${local._here.cloudwatch}alarm:*"]
  }

  statement {
    sid       = "ReadMonitoring"
    actions   = ["cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"]
    resources = concat(local._alarms, [local._dashboard])
  }

  # These actions have no resource type.
  statement {
    sid = "Look"
    actions = [
      "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies",
      "application-autoscaling:DescribeScheduledActions", "ec2:DescribeRouteTables", "ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints",
      "kms:ListAliases", "logs:DescribeLogGroups", "servicequotas:List*Quotas", "sns:GetSubscriptionAttributes",
    ]
    resources = ["*"]
  }

  # The suspension record is a tag of the target. Targets have generated ids, so the service limits them.
  statement {
    sid       = "ReadSuspensionRecord"
    actions   = ["application-autoscaling:ListTagsForResource"]
    resources = ["${local._here["application-autoscaling"]}scalable-target/*"]
  }

  statement {
    sid       = "ReadTagsOfLogs"
    actions   = ["logs:ListTagsForResource"]
    resources = local._log_group
  }

  # From version 6.23 the provider reads tags by S3 Control's ListTagsForResource (its release notes).
  statement {
    sid       = "ReadBucket"
    actions   = ["s3:GetBucket*", "s3:Get*Configuration", "s3:ListTagsForResource"]
    resources = [var.storage.bucket_arn]
  }

  # Without it, a missing archive gives 403 instead of 404.
  statement {
    sid       = "FindArchives"
    actions   = ["s3:ListBucket"]
    resources = [var.storage.bucket_arn]

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = ["${var.storage.prefixes.model}*"]
    }
  }

  # HeadObject has no permission of its own. The key is not theirs to use, so the content stays closed (assumption A275); a supplied
  # archive that no key encrypts can be read.
  statement {
    sid       = "DescribeArchives"
    actions   = ["s3:GetObject", "s3:GetObjectTagging"]
    resources = local._archives
  }
}
