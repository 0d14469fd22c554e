# Offline: the provider plans without an account, so that the policies are the real ones.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

provider "aws" {
  alias                       = "china"
  region                      = "cn-north-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

provider "aws" {
  alias                       = "government"
  region                      = "us-gov-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  name              = "shop-test"
  endpoint_arn      = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop-test"
  execution_role    = { arn = "arn:aws:iam::123456789012:role/shop-test-eu-west-1-execution" }
  results_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:shop-test-results"
  storage = {
    bucket_arn  = "arn:aws:s3:::shop"
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
    prefixes    = { failure = "failure/", input = "input/", output = "output/" }
  }
  topic_arns = {
    error   = "arn:aws:sns:eu-west-1:123456789012:shop-test-error"
    success = "arn:aws:sns:eu-west-1:123456789012:shop-test-success"
  }
}

run "collector_policy" {
  command = plan

  assert {
    condition = jsonencode({
      for statement in jsondecode(output.policies.collector.json).Statement :
      statement.Sid => { actions = sort(flatten([statement.Action])), resources = sort(flatten([statement.Resource])) }
      }) == jsonencode({
      DecryptThroughServices = {
        actions   = ["kms:Decrypt"]
        resources = ["arn:aws:kms:eu-west-1:123456789012:key/own"]
      }
      DescribeConfiguration = {
        actions   = ["sagemaker:DescribeEndpointConfig"]
        resources = ["arn:aws:sagemaker:eu-west-1:123456789012:endpoint-config/shop-test-*"]
      }
      DescribeEndpoint = {
        actions   = ["sagemaker:DescribeEndpoint"]
        resources = ["arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop-test"]
      }
      GetResults = {
        actions   = ["s3:GetObject"]
        resources = ["arn:aws:s3:::shop/failure/*", "arn:aws:s3:::shop/output/*"]
      }
      ListResults = {
        actions   = ["s3:ListBucket"]
        resources = ["arn:aws:s3:::shop"]
      }
      ReceiveNotifications = {
        actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
        resources = ["arn:aws:sqs:eu-west-1:123456789012:shop-test-results"]
      }
    })
    error_message = "A collector must be allowed to read results and nothing else."
  }
}

run "caller_policy" {
  command = plan

  assert {
    condition = jsonencode({
      for statement in jsondecode(output.policies.caller.json).Statement :
      statement.Sid => { actions = sort(flatten([statement.Action])), resources = sort(flatten([statement.Resource])) }
      if !contains(jsondecode(output.policies.collector.json).Statement[*].Sid, statement.Sid)
      }) == jsonencode({
      ClearUp = {
        actions   = ["sns:Unsubscribe", "sqs:ListQueues"]
        resources = ["*"]
      }
      EncryptInputs = {
        actions   = ["kms:GenerateDataKey"]
        resources = ["arn:aws:kms:eu-west-1:123456789012:key/own"]
      }
      FindOwnSubscriptions = {
        actions   = ["sns:ListSubscriptionsByTopic"]
        resources = ["arn:aws:sns:eu-west-1:123456789012:shop-test-error", "arn:aws:sns:eu-west-1:123456789012:shop-test-success"]
      }
      Invoke = {
        actions   = ["sagemaker:InvokeEndpointAsync"]
        resources = ["arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop-test"]
      }
      LeaseQueues = {
        actions   = ["s3:DeleteObject", "s3:GetObject"]
        resources = ["arn:aws:s3:::shop/input/_queues/*"]
      }
      ListLeases = {
        actions   = ["s3:ListBucket"]
        resources = ["arn:aws:s3:::shop"]
      }
      OwnQueues = {
        actions   = ["sqs:CreateQueue", "sqs:DeleteMessage", "sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:ListQueueTags", "sqs:PurgeQueue", "sqs:ReceiveMessage", "sqs:TagQueue"]
        resources = ["arn:aws:sqs:eu-west-1:123456789012:shop-test-reply-*"]
      }
      PutInputs = {
        actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
        resources = ["arn:aws:s3:::shop/input/*"]
      }
      SubscribeOwnQueues = {
        actions   = ["sns:Subscribe"]
        resources = ["arn:aws:sns:eu-west-1:123456789012:shop-test-error", "arn:aws:sns:eu-west-1:123456789012:shop-test-success"]
      }
    })
    error_message = "A caller must be allowed exactly these actions beside a collector's, each on this deployment alone."
  }

  assert {
    condition     = length(setsubtract(jsondecode(output.policies.collector.json).Statement[*].Sid, jsondecode(output.policies.caller.json).Statement[*].Sid)) == 0
    error_message = "A caller must be able to do all that a collector can."
  }

  assert {
    condition = jsonencode({
      for statement in jsondecode(output.policies.caller.json).Statement :
      statement.Sid => statement.Condition if can(statement.Condition)
      }) == jsonencode({
      DecryptThroughServices = { StringEquals = { "kms:ViaService" = ["s3.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com"] } }
      EncryptInputs          = { StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" } }
      ListLeases             = { StringLike = { "s3:prefix" = "input/_queues/*" } }
      ListResults            = { StringLikeIfExists = { "s3:prefix" = ["failure/*", "output/*"] } }
      SubscribeOwnQueues = {
        StringEquals = { "sns:Protocol" = "sqs" }
        StringLike   = { "sns:Endpoint" = "arn:aws:sqs:eu-west-1:123456789012:shop-test-reply-*" }
      }
    })
    error_message = "Listing must be confined to results, subscribing to queues of the caller's own, and the key to S3 and SQS."
  }

  assert {
    condition     = alltrue([for policy in output.policies : policy.arn == null]) && alltrue([for arn in output.github_role_arns : arn == null])
    error_message = "By default nothing is created."
  }
}

run "watcher_policy" {
  command = plan

  assert {
    condition = jsonencode({
      for statement in jsondecode(output.policies.watcher.json).Statement :
      statement.Sid => { actions = sort(flatten([statement.Action])), resources = sort(flatten([statement.Resource])) }
      }) == jsonencode({
      DescribeEndpoint = {
        actions   = ["sagemaker:DescribeEndpoint"]
        resources = ["arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop-test"]
      }
      ListResults = {
        actions   = ["s3:ListBucket"]
        resources = ["arn:aws:s3:::shop"]
      }
      Measure = {
        actions   = ["application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingActivities", "cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics"]
        resources = ["*"]
      }
      ReadLogs = {
        actions = ["logs:DescribeLogStreams", "logs:FilterLogEvents"]
        resources = [
          "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/shop-test",
          "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/shop-test:*",
        ]
      }
      ReadSuspension = {
        actions   = ["application-autoscaling:ListTagsForResource"]
        resources = ["arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/*"]
      }
    })
    error_message = "A watcher must see what the endpoint is doing, and open no result."
  }

  assert {
    condition = jsonencode([
      for statement in jsondecode(output.policies.watcher.json).Statement : statement.Condition if can(statement.Condition)
    ]) == jsonencode([{ StringLike = { "s3:prefix" = ["failure/*", "output/*"] } }])
    error_message = "A watcher must list results only."
  }
}

run "deployer_policy" {
  command = plan

  assert {
    condition = jsonencode([
      for statement in jsondecode(output.policies.deployer.json).Statement :
      { resource = statement.Resource, service = statement.Condition.StringEquals["iam:PassedToService"] }
      if contains(flatten([statement.Action]), "iam:PassRole")
    ]) == jsonencode([{ resource = "arn:aws:iam::123456789012:role/shop-test-eu-west-1-execution", service = "sagemaker.amazonaws.com" }])
    error_message = "A deployer must be able to pass one role, to SageMaker alone."
  }

  assert {
    condition = jsonencode([
      for statement in jsondecode(output.policies.deployer.json).Statement : statement.Condition
      if contains(flatten([statement.Action]), "iam:CreateServiceLinkedRole")
    ]) == jsonencode([{ StringEquals = { "iam:AWSServiceName" = "sagemaker.application-autoscaling.amazonaws.com" } }])
    error_message = "A deployer must be able to create the service-linked role of scaling, and no other."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies.deployer.json).Statement :
      statement.Resource != "*" || statement.Sid == "Look"
    ])
    error_message = "Without subscriptions, only reading may be allowed on *."
  }

  assert {
    condition     = !contains(flatten([for statement in jsondecode(output.policies.deployer.json).Statement : statement.Action]), "iam:PutRolePolicy")
    error_message = "Without a permissions boundary, a deployer must not write the execution role's policy."
  }

  assert {
    condition = {
      for statement in jsondecode(output.policies.deployer.json).Statement : statement.Sid => statement.Condition
      if contains(flatten([statement.Action]), "kms:Decrypt")
    } == { EncryptModels = { StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" } } }
    error_message = "A deployer must decrypt through Amazon S3 only, where it reads model archives alone."
  }

  assert {
    condition     = length(replace(output.policies.deployer.json, "/\\s/", "")) <= 6144
    error_message = "The policy must fit into a managed one."
  }
}

run "deployer_who_destroys_within_a_boundary" {
  command = plan

  variables {
    name         = "a-deployment-of-the-longest-name-12"
    endpoint_arn = "arn:aws:sagemaker:ap-southeast-1:123456789012:endpoint/a-deployment-of-the-longest-name-12"
    execution_role = {
      arn                      = "arn:aws:iam::123456789012:role/a-deployment-of-the-longest-name-12-ap-southeast-1-execution"
      permissions_boundary_arn = "arn:aws:iam::123456789012:policy/a-deployment-of-the-longest-name-12-ap-southeast-1-execution-boundary"
    }
    storage = {
      bucket_arn  = "arn:aws:s3:::a-deployment-of-the-longest-name-12-123456789012-ap-southeast-1"
      kms_key_arn = "arn:aws:kms:ap-southeast-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
      prefixes    = { failure = "failure/", input = "input/", output = "output/" }
    }
    topic_arns = {
      error   = "arn:aws:sns:ap-southeast-1:123456789012:a-topic-of-your-own-with-a-long-name-for-failed-requests"
      success = "arn:aws:sns:ap-southeast-1:123456789012:a-topic-of-your-own-with-a-long-name-for-completed-requests"
    }
    subscriptions = {
      function = { protocol = "lambda", endpoint = "arn:aws:lambda:ap-southeast-1:123456789012:function:notify-of-results:live" }
      queue    = { protocol = "sqs", endpoint = "arn:aws:sqs:ap-southeast-1:123456789012:results-elsewhere" }
    }
  }

  assert {
    condition = length(setsubtract([
      "cloudwatch:ListDashboards", "iam:ListPolicies", "iam:ListRoles", "s3:ListAllMyBuckets", "sagemaker:ListEndpoint*",
      "sagemaker:ListModels", "sns:ListTopics", "sqs:ListQueues",
    ], flatten([for statement in concat(jsondecode(output.policies.deployer.json).Statement, jsondecode(output.policies.destroyer.json).Statement) : statement.Action if statement.Resource == "*"]))) == 0
    error_message = "A destroy ends with a search for leftovers, by calls for which AWS defines no resource."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policies.deployer.json).Statement :
      length(setintersection(flatten([statement.Action]), ["iam:DeletePolicy", "iam:DeleteRole", "kms:ScheduleKeyDeletion", "logs:DeleteLogGroup", "s3:DeleteBucket", "sns:DeleteTopic", "sqs:DeleteQueue"])) == 0
    ])
    error_message = "A deployer alone must not destroy."
  }

  assert {
    condition = jsonencode([
      for statement in jsondecode(output.policies.deployer.json).Statement : statement.Condition
      if contains(flatten([statement.Action]), "iam:PutRolePolicy")
    ]) == jsonencode([{ StringEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::123456789012:policy/a-deployment-of-the-longest-name-12-ap-southeast-1-execution-boundary" } }])
    error_message = "With a boundary, only a role that has it may be given a policy."
  }

  assert {
    condition     = alltrue([for policy in output.policies : length(replace(policy.json, "/\\s/", "")) <= 6144])
    error_message = "The policy must fit into a managed one, whatever it is called, and is ${length(replace(output.policies.deployer.json, "/\\s/", ""))} long."
  }
}

run "deployer_of_an_endpoint_on_shared_storage" {
  command = plan

  variables {
    storage = {
      bucket_arn  = "arn:aws:s3:::shop"
      kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
      prefixes    = { failure = "failure/shop/", input = "input/shop/", model = "model/shop/", output = "output/shop/" }
      shared      = true
    }
  }

  assert {
    condition = length(setintersection(flatten([for statement in concat(jsondecode(output.policies.deployer.json).Statement, jsondecode(output.policies.destroyer.json).Statement) : statement.Action if statement.Effect == "Allow"]), [
      "s3:DeleteBucket*", "s3:PutBucketTagging", "s3:PutLifecycleConfiguration",
    ])) == 0
    error_message = "A bucket that other endpoints use must be neither changed nor removed."
  }

  assert {
    condition = alltrue(flatten([
      for statement in concat(jsondecode(output.policies.deployer.json).Statement, jsondecode(output.policies.destroyer.json).Statement) : [
        for resource in flatten([statement.Resource]) : !strcontains(resource, ":key/") && !strcontains(resource, ":alias/")
      ] if contains(flatten([statement.Action]), "kms:ScheduleKeyDeletion")
    ]))
    error_message = "A key that other endpoints use must not be removed."
  }

  assert {
    condition = toset(flatten([
      for statement in concat(jsondecode(output.policies.deployer.json).Statement, jsondecode(output.policies.destroyer.json).Statement) : [
        for resource in flatten([statement.Resource]) : resource if startswith(resource, "arn:aws:s3:::shop/")
      ]
    ])) == toset(["arn:aws:s3:::shop/model/shop/*"])
    error_message = "Of objects, a deployer must reach this endpoint's archives alone."
  }
}

run "an_http_api_has_two_policies_of_its_own" {
  command = plan

  variables {
    access = { managed_policies = ["api", "api_admin"] }
    http_api = {
      dead_letter_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:shop-test-delivery-dead-letters"
      delivery_queue_arn    = "arn:aws:sqs:eu-west-1:123456789012:shop-test-deliveries"
    }
  }

  assert {
    condition     = { for who, policy in aws_iam_policy.this : who => policy.name } == { api = "shop-test-eu-west-1-api", api_admin = "shop-test-eu-west-1-api-admin" }
    error_message = "Both must be created on request."
  }

  assert {
    condition = {
      for statement in jsondecode(output.policies.api.json).Statement :
      statement.Sid => [for resource in flatten([statement.Resource]) : trimprefix(resource, "arn:aws:s3:::shop/")] if contains(flatten([statement.Action]), "s3:PutObject")
      } == {
      KeepState = ["predictions/*", "credentials/secrets/*"]
      PutInputs = ["input/api/*"]
    }
    error_message = "A process of the API must write its state, secrets and inputs, and no API key."
  }

  assert {
    condition     = length([for action in flatten([for statement in jsondecode(output.policies.api.json).Statement : statement.Action]) : action if strcontains(action, "Delete") && action != "sqs:DeleteMessage"]) == 0
    error_message = "A process of the API must delete nothing but messages."
  }

  assert {
    condition = {
      for statement in jsondecode(output.policies.api_admin.json).Statement : statement.Sid => flatten([statement.Resource]) if startswith(flatten([statement.Action])[0], "s3:") && statement.Sid != "ListKeys"
      } == {
      WriteCredentials = ["arn:aws:s3:::shop/credentials/*"]
    }
    error_message = "An administrator of the API must change credentials alone, and see neither inputs nor results."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.verifier.json).Statement : length(flatten([statement.Resource])) == 4 if statement.Sid == "DescribeQueues"
    ])
    error_message = "Verification must see the queues of the API."
  }

  assert {
    condition     = length([for action in flatten([for who in ["caller", "collector", "deployer", "planner", "verifier", "watcher"] : [for statement in jsondecode(output.policies[who].json).Statement : statement.Resource]]) : action if can(regex("shop/(predictions|credentials)/", action))]) == 0
    error_message = "No other policy may name state or credentials of the API."
  }
}

run "without_an_http_api_there_are_no_policies_for_it" {
  command = plan

  assert {
    condition     = length(setintersection(keys(output.policies), ["api", "api_admin"])) == 0
    error_message = "Policies of an API must need one."
  }
}

run "managed_policies" {
  command = plan

  variables {
    access = { managed_policies = ["caller", "collector"] }
  }

  assert {
    condition = alltrue([
      for who in ["caller", "collector"] :
      aws_iam_policy.this[who].name == "shop-test-eu-west-1-${who}" && jsonencode(jsondecode(aws_iam_policy.this[who].policy)) == jsonencode(jsondecode(output.policies[who].json))
    ]) && keys(aws_iam_policy.this) == ["caller", "collector"]
    error_message = "Only the requested managed policies must be created, each with its policy."
  }
}

run "github_roles" {
  command = plan

  variables {
    access = {
      github = {
        deployer = {
          policies    = ["deployer"]
          policy_arns = { state = "arn:aws:iam::123456789012:policy/state-dev-deployer" }
          subjects    = ["repo:shop/models:environment:dev"]
        }
        planner = {
          policy_arns = { state = "arn:aws:iam::123456789012:policy/state-dev-planner" }
          subjects    = ["repo:shop/models:pull_request", "repo:shop/models:ref:refs/heads/release-*"]
        }
        provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
      }
    }
  }

  assert {
    condition = jsonencode({ for role, made in aws_iam_role.github : made.name => jsondecode(made.assume_role_policy).Statement[*] }) == jsonencode({
      "shop-test-eu-west-1-deployer" = [{
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
            "token.actions.githubusercontent.com:ref" = "refs/heads/main"
            "token.actions.githubusercontent.com:sub" = "repo:shop/models:environment:dev"
          }
        }
        Effect    = "Allow"
        Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
        Sid       = "AssumeByWorkflows"
      }]
      "shop-test-eu-west-1-planner" = [{
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
          StringLike   = { "token.actions.githubusercontent.com:sub" = ["repo:shop/models:pull_request", "repo:shop/models:ref:refs/heads/release-*"] }
        }
        Effect    = "Allow"
        Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
        Sid       = "AssumeByWorkflows"
      }]
    })
    error_message = "Only the given subjects of each role, by way of STS, may assume it."
  }

  assert {
    condition = (
      keys(aws_iam_policy.this) == ["deployer", "planner"]
      && { for key, attachment in aws_iam_role_policy_attachment.github : key => attachment.role } == {
        "deployer/deployer" = "shop-test-eu-west-1-deployer"
        "planner/planner"   = "shop-test-eu-west-1-planner"
      }
      && { for attachment in aws_iam_role_policy_attachment.github_supplied : attachment.role => attachment.policy_arn } == {
        shop-test-eu-west-1-deployer = "arn:aws:iam::123456789012:policy/state-dev-deployer"
        shop-test-eu-west-1-planner  = "arn:aws:iam::123456789012:policy/state-dev-planner"
      }
    )
    error_message = "Each role must have its own policies: a planner that deploys needs no review."
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "An existing provider must not be created again."
  }
}

run "github_planner_alone" {
  command = plan

  variables {
    access = { github = { planner = { subjects = ["repo:shop/models:ref:refs/heads/main"] } } }
  }

  assert {
    condition     = aws_iam_openid_connect_provider.github[0].client_id_list == toset(["sts.amazonaws.com"])
    error_message = "Without provider_arn, the OIDC provider must be created, for AWS STS."
  }

  assert {
    condition     = keys(aws_iam_role.github) == ["planner"] && keys(aws_iam_policy.this) == ["planner"]
    error_message = "A role without subjects must not be created, nor its policies."
  }
}

run "github_deployer_alone" {
  command = plan

  variables {
    access = { github = { deployer = { subjects = ["repo:shop@1/models@2:environment:prod"] } } }
  }

  assert {
    condition     = keys(aws_iam_role_policy_attachment.github) == ["deployer/caller", "deployer/deployer", "deployer/planner", "deployer/watcher"]
    error_message = "A deployer must be able to apply, and to run the smoke test and doctor."
  }
}

run "planner_policy" {
  command = plan

  variables {
    archive_uris = ["s3://models/shop/model.tar.gz"]
  }

  assert {
    condition = alltrue([
      for action in flatten([for statement in jsondecode(output.policies.planner.json).Statement : statement.Action]) :
      can(regex(":(BatchGet|Describe|Get|List|Simulate)", action))
    ])
    error_message = "A planner changes nothing, passes no role and uses no key."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.policies.planner.json).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:GetObject")
    ])) == toset(["${var.storage.bucket_arn}/model/*", "arn:aws:s3:::models/shop/model.tar.gz"])
    error_message = "A planner describes model archives, and neither inputs nor results."
  }

  assert {
    condition     = toset([for statement in jsondecode(output.policies.planner.json).Statement : statement.Sid if statement.Resource == "*"]) == toset(["Look"])
    error_message = "Only actions without a resource type may be allowed on *."
  }
}

run "verifier_policy" {
  command = plan

  variables {
    archive_uris = ["s3://models/shop/model.tar.gz"]
  }

  assert {
    condition = alltrue([
      for action in flatten([for statement in jsondecode(output.policies.verifier.json).Statement : statement.Action]) :
      can(regex(":(Describe|Get|List)", action))
    ])
    error_message = "A verifier changes nothing."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.verifier.json).Statement : statement.Resource if statement.Sid == "DescribeArchives"
    ]) == ["${var.storage.bucket_arn}/model/*", "arn:aws:s3:::models/shop/model.tar.gz"]
    error_message = "A verifier describes model archives and no other objects, supplied ones included."
  }

  assert {
    condition = jsonencode({
      for statement in jsondecode(output.policies.verifier.json).Statement :
      statement.Sid => sort(flatten([statement.Resource])) if contains(["DescribeQueues", "DescribeTopics"], statement.Sid)
      }) == jsonencode({
      DescribeQueues = ["arn:aws:sqs:eu-west-1:123456789012:shop-test-dead-letters", "arn:aws:sqs:eu-west-1:123456789012:shop-test-results"]
      DescribeTopics = ["arn:aws:sns:eu-west-1:123456789012:shop-test-error", "arn:aws:sns:eu-west-1:123456789012:shop-test-success"]
    })
    error_message = "A verifier describes the topics and queues of this deployment alone."
  }
}

run "policies_in_china" {
  command   = plan
  providers = { aws = aws.china }

  variables {
    endpoint_arn      = "arn:aws-cn:sagemaker:cn-north-1:123456789012:endpoint/shop-test"
    execution_role    = { arn = "arn:aws-cn:iam::123456789012:role/shop-test-cn-north-1-execution" }
    results_queue_arn = "arn:aws-cn:sqs:cn-north-1:123456789012:shop-test-results"
    storage = {
      bucket_arn  = "arn:aws-cn:s3:::shop"
      kms_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/own"
      prefixes    = { failure = "failure/", input = "input/", output = "output/" }
    }
    topic_arns = {
      error   = "arn:aws-cn:sns:cn-north-1:123456789012:shop-test-error"
      success = "arn:aws-cn:sns:cn-north-1:123456789012:shop-test-success"
    }
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [
        for statement in jsondecode(policy.json).Statement : [
          for resource in flatten([statement.Resource]) : resource == "*" || startswith(resource, "arn:aws-cn:")
        ]
      ]
    ]))
    error_message = "Every resource must be in the partition."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.deployer.json).Statement : flatten([statement.Condition.StringEquals["kms:ViaService"]])
      if statement.Sid == "EncryptModels"
    ]) == ["s3.cn-north-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn"]
    error_message = "Amazon S3 must be able to use the key for the caller."
  }
}

run "policies_in_the_government_regions" {
  command   = plan
  providers = { aws = aws.government }

  variables {
    endpoint_arn      = "arn:aws-us-gov:sagemaker:us-gov-west-1:123456789012:endpoint/shop-test"
    execution_role    = { arn = "arn:aws-us-gov:iam::123456789012:role/shop-test-us-gov-west-1-execution" }
    results_queue_arn = "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:shop-test-results"
    storage = {
      bucket_arn  = "arn:aws-us-gov:s3:::shop"
      kms_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/own"
      prefixes    = { failure = "failure/", input = "input/", output = "output/" }
    }
    topic_arns = {
      error   = "arn:aws-us-gov:sns:us-gov-west-1:123456789012:shop-test-error"
      success = "arn:aws-us-gov:sns:us-gov-west-1:123456789012:shop-test-success"
    }
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [
        for statement in jsondecode(policy.json).Statement : [
          for resource in flatten([statement.Resource]) : resource == "*" || startswith(resource, "arn:aws-us-gov:")
        ]
      ]
    ]))
    error_message = "Every resource must be in the partition."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policies.deployer.json).Statement : flatten([statement.Condition.StringEquals["kms:ViaService"]])
      if statement.Sid == "EncryptModels"
    ]) == ["s3.us-gov-west-1.amazonaws.com"]
    error_message = "Amazon S3 must be able to use the key for the caller."
  }
}

run "policies_follow_the_names_of_imported_resources" {
  command = plan

  variables {
    described_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/team"]
    endpoint_arn       = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/teamendpoint"
    names              = { dead_letter_queue = "Dead", endpoint = "TeamEndpoint", error_topic = "Results", results_queue = "Answers", success_topic = "Results", wake_alarm = "Wake (1)" }
    topic_arns         = { error = "arn:aws:sns:eu-west-1:123456789012:Results", success = "arn:aws:sns:eu-west-1:123456789012:Results" }
  }

  assert {
    condition = one([for statement in jsondecode(output.policies.deployer.json).Statement : sort(statement.Resource) if statement.Sid == "Watch"]) == sort([
      "arn:aws:cloudwatch::123456789012:dashboard/TeamEndpoint-eu-west-1",
      "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:TargetTracking-endpoint/TeamEndpoint/*",
      "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:TeamEndpoint-*",
      "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:Wake (1)",
    ])
    error_message = "Alarms and dashboard must be those named after the endpoint, in its own case, and the imported alarm."
  }

  assert {
    condition = alltrue([
      for arn in ["arn:aws:sns:eu-west-1:123456789012:Results", "arn:aws:sqs:eu-west-1:123456789012:Answers", "arn:aws:sqs:eu-west-1:123456789012:Dead", "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/TeamEndpoint"] :
      contains(one([for statement in jsondecode(output.policies.destroyer.json).Statement : statement.Resource if statement.Sid == "Destroy"]), arn)
    ])
    error_message = "A destroyer must be allowed to delete what was imported."
  }

  assert {
    condition     = contains(one([for statement in jsondecode(output.policies.deployer.json).Statement : statement.Resource if statement.Sid == "Read"]), "arn:aws:kms:eu-west-1:123456789012:key/team")
    error_message = "A plan describes the key of an imported topic."
  }

  assert {
    condition     = contains(one([for statement in jsondecode(output.policies.verifier.json).Statement : flatten([statement.Resource]) if statement.Sid == "DescribeQueues"]), "arn:aws:sqs:eu-west-1:123456789012:Dead")
    error_message = "Verification reads the dead letter queue."
  }
}
