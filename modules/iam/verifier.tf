# For `async-endpoint verify --no-plan`; a plan needs policy planner. Compares the versions of model archives, and reads neither their
# content nor inputs and results.
data "aws_iam_policy_document" "verifier" {
  statement {
    sid       = "DescribeHosting"
    actions   = ["sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"]
    resources = local._hosting
  }

  # These actions have no resource type.
  statement {
    sid = "DescribeScaling"
    actions = [
      "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies",
      "application-autoscaling:DescribeScheduledActions",
    ]
    resources = ["*"]
  }

  # Includes the alarms of target tracking, whose names Application Auto Scaling generates.
  statement {
    sid       = "DescribeAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = ["${local._here.cloudwatch}alarm:*"]
  }

  statement {
    sid       = "ReadSuspensionRecord"
    actions   = ["application-autoscaling:ListTagsForResource"]
    resources = ["${local._here["application-autoscaling"]}scalable-target/*"]
  }

  # A topic that does not exist is found by the call that lists its subscriptions.
  statement {
    sid       = "DescribeTopics"
    actions   = ["sns:ListSubscriptionsByTopic"]
    resources = distinct(values(var.topic_arns))
  }

  # The results queue, and its dead-letter queue: module notifications names both after the deployment. Those of the HTTP API.
  statement {
    sid     = "DescribeQueues"
    actions = ["sqs:GetQueueAttributes"]
    resources = distinct(concat(
      [var.results_queue_arn, "${local._here.sqs}${coalesce(var.names.dead_letter_queue, "${var.name}-dead-letters")}"],
      flatten([for api in local._http_api : [api.dead_letter_queue_arn, api.delivery_queue_arn]]),
    ))
  }

  # Without the key, which the content of an archive in the deployment's bucket needs.
  statement {
    sid       = "DescribeArchives"
    actions   = ["s3:GetObject", "s3:GetObjectTagging"]
    resources = local._archives
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

  statement {
    sid       = "ReadExecutionRole"
    actions   = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"]
    resources = [var.execution_role.arn]
  }

  # Any policy attached to the role, AWS managed policies included.
  statement {
    sid       = "ReadAttachedPolicies"
    actions   = ["iam:GetPolicy", "iam:GetPolicyVersion"]
    resources = ["${local._iam}policy/*", "arn:${local._partition}:iam::aws:policy/*"]
  }
}
