# Offline: the provider plans without an account, so that policies and images are the real ones.
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

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name           = "shop-test"
  endpoint_names = ["shop-test"]
  containers = [{
    archive        = { version_id = "the-version-that-is-there" }
    ecr_uris       = ["763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"]
    environment    = { EMBEDDER = "clip" }
    image_uri      = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
    model_data_url = "s3://models/shop/model.tar.gz"
  }]
  storage = {
    bucket_arn  = "arn:aws:s3:::shop"
    bucket_name = "shop"
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
    prefixes    = { failure = "failure/", input = "input/", model = "model/", output = "output/" }
  }
  topic_arns = {
    error   = "arn:aws:sns:eu-west-1:123456789012:shop-test-error"
    success = "arn:aws:sns:eu-west-1:123456789012:shop-test-success"
  }
}

run "execution_role" {
  command = plan

  assert {
    condition = jsondecode(data.aws_iam_policy_document.trust.json).Statement == [{
      Sid       = "AssumeBySageMaker"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "sagemaker.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    }]
    error_message = "Only SageMaker, working for this account, may assume the role."
  }

  assert {
    condition = jsonencode({
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement :
      statement.Sid => { actions = sort(flatten([statement.Action])), resources = sort(flatten([statement.Resource])) }
      }) == jsonencode({
      ReadModelAndInputs = {
        actions   = ["s3:GetObject"]
        resources = ["arn:aws:s3:::models/shop/model.tar.gz", "arn:aws:s3:::shop/input/*"]
      }
      WriteResults = {
        actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
        resources = ["arn:aws:s3:::shop/failure/*", "arn:aws:s3:::shop/output/*"]
      }
      TellMissingFromForbidden = {
        actions   = ["s3:ListBucket"]
        resources = ["arn:aws:s3:::shop"]
      }
      UseKeyOfDeployment = {
        actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
        resources = ["arn:aws:kms:eu-west-1:123456789012:key/own"]
      }
      EncryptInstanceVolumes = {
        actions   = ["kms:CreateGrant"]
        resources = ["arn:aws:kms:eu-west-1:123456789012:key/own"]
      }
      AnnounceResults = {
        actions = ["sns:Publish"]
        resources = [
          "arn:aws:sns:eu-west-1:123456789012:shop-test-error",
          "arn:aws:sns:eu-west-1:123456789012:shop-test-success",
        ]
      }
      PullImage = {
        actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        resources = ["arn:aws:ecr:eu-west-1:763104351884:repository/pytorch-inference"]
      }
      LogInToRegistry = {
        actions   = ["ecr:GetAuthorizationToken"]
        resources = ["*"]
      }
      WriteLogs = {
        actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        resources = [
          "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/shop-test",
          "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/shop-test:*",
        ]
      }
      PublishMetrics = {
        actions   = ["cloudwatch:PutMetricData"]
        resources = ["*"]
      }
    })
    error_message = "The role must be allowed exactly these actions, each on the narrowest resource there is."
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement :
      statement.Sid => statement.Condition if can(statement.Condition)
      } == {
      EncryptInstanceVolumes = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      PublishMetrics         = { StringEquals = { "cloudwatch:namespace" = ["/aws/sagemaker/Endpoints", "AWS/SageMaker"] } }
    }
    error_message = "Grants must be for AWS resources only, and metrics for SageMaker's namespaces only."
  }
}

run "archive_in_a_bucket_with_its_own_key" {
  command = plan

  variables {
    containers = [{
      archive        = {}
      image_uri      = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1"
      kms_key_arns   = ["arn:aws:kms:eu-west-1:123456789012:key/foreign"]
      model_data_url = "s3://models/shop/model.tar.gz"
    }]
  }

  assert {
    condition     = aws_sagemaker_model.this.primary_container[0].model_data_url == "s3://models/shop/model.tar.gz"
    error_message = "An archive that exists is served from where it is."
  }

  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : statement
      if statement.Sid == "DecryptModel"
    ]).Resource == "arn:aws:kms:eu-west-1:123456789012:key/foreign"
    error_message = "The role must be able to decrypt an archive under a key of its own."
  }
}

run "archive_from_a_file" {
  command = plan

  variables {
    containers = [{ archive = { path = "./tests/archive.tar.gz", sha256 = filesha256("./tests/archive.tar.gz") }, image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1" }]
  }

  assert {
    condition     = keys(aws_s3_object.archive) == ["model/${substr(filesha256("./tests/archive.tar.gz"), 0, 16)}/archive.tar.gz"]
    error_message = "The key must lie below the model prefix and carry the hash of the content."
  }

  assert {
    condition     = aws_sagemaker_model.this.primary_container[0].model_data_url == "s3://shop/${one(values(aws_s3_object.archive)).key}"
    error_message = "The model must be served from the uploaded object."
  }

  assert {
    condition = contains(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : statement.Resource
      if statement.Sid == "ReadModelAndInputs"
    ]), "arn:aws:s3:::shop/model/*")
    error_message = "The role must read the whole model prefix, so that a rollback still finds the previous archive."
  }
}

run "pipeline" {
  command = plan

  variables {
    containers = [
      { hostname = "wash", image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/wash:1", invocation_timeout_seconds = 100 },
      { hostname = "dry", image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/dry:1", invocation_timeout_seconds = 200 },
    ]
  }

  assert {
    condition     = aws_sagemaker_model.this.container[*].container_hostname == tolist(["wash", "dry"]) && aws_sagemaker_model.this.inference_execution_config[0].mode == "Serial"
    error_message = "Containers must be created in the given order, each with its hostname, as a pipeline."
  }

  assert {
    condition     = output.invocation_timeout_seconds == 300
    error_message = "A request passes all containers of a pipeline, so that their time adds up."
  }

  assert {
    condition     = output.containers[*].model_data_url == [null, null]
    error_message = "A container may have no model data."
  }
}

run "direct_invocation" {
  command = plan

  variables {
    containers = [
      { hostname = "wash", image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/wash:1", invocation_timeout_seconds = 100 },
      { hostname = "dry", image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/dry:1", invocation_timeout_seconds = 200 },
    ]
    model = { invocation = "direct" }
  }

  assert {
    condition     = aws_sagemaker_model.this.inference_execution_config[0].mode == "Direct" && output.invocation_timeout_seconds == 200
    error_message = "A request is for one container, and may take as long as the slowest."
  }
}

run "multi_model" {
  command = plan

  variables {
    containers = [{ image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1", multi_model = { cache_models = false } }]
    storage = {
      bucket_arn  = "arn:aws:s3:::shop"
      bucket_name = "shop"
      kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
      prefixes    = { model = "model/" }
    }
  }

  assert {
    condition = (
      aws_sagemaker_model.this.primary_container[0].mode == "MultiModel" && aws_sagemaker_model.this.primary_container[0].model_data_url == "s3://shop/model/"
      && aws_sagemaker_model.this.primary_container[0].multi_model_config[0].model_cache_setting == "Disabled"
    )
    error_message = "A multi-model container must find its archives below the model prefix, and cache them as configured."
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement :
      statement.Sid => statement if contains(["ListModels0", "ReadModelAndInputs", "UseKeyOfDeployment"], statement.Sid)
      } == {
      ListModels0 = {
        Sid       = "ListModels0"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = "arn:aws:s3:::shop"
        Condition = { StringLike = { "s3:prefix" = "model/*" } }
      }
      ReadModelAndInputs = { Sid = "ReadModelAndInputs", Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::shop/model/*" }
      UseKeyOfDeployment = { Sid = "UseKeyOfDeployment", Effect = "Allow", Action = "kms:Decrypt", Resource = "arn:aws:kms:eu-west-1:123456789012:key/own" }
    }
    error_message = "The role must list and read the archives, and have no permission to write."
  }
}

run "unpacked_model" {
  command = plan

  variables {
    containers = [{
      data_source  = { s3_uri = "s3://models/shop/unpacked/", accept_eula = true }
      image_uri    = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1"
      kms_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/foreign"]
    }]
  }

  assert {
    condition = aws_sagemaker_model.this.primary_container[0].model_data_source[0].s3_data_source[0] == {
      compression_type    = "None"
      model_access_config = tolist([{ accept_eula = true }])
      s3_data_type        = "S3Prefix"
      s3_uri              = "s3://models/shop/unpacked/"
    }
    error_message = "A prefix of unpacked objects must be the model data, unchanged."
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement :
      statement.Sid => statement.Resource if contains(["ListModels0", "DecryptModel"], statement.Sid)
    } == { ListModels0 = "arn:aws:s3:::models", DecryptModel = "arn:aws:kms:eu-west-1:123456789012:key/foreign" }
    error_message = "The role must list the prefix and decrypt what lies there."
  }
}

run "model_package" {
  command = plan

  variables {
    containers = [{
      environment = { EMBEDDER = "clip" }
      model_package = {
        arn          = "arn:aws:sagemaker:eu-west-1:210987654321:model-package/shop/3"
        artifact_uri = "s3://registry/shop/3.tar.gz"
      }
      ecr_uris = ["210987654321.dkr.ecr.eu-west-1.amazonaws.com/serve:3"]
    }]
    topic_arns = {}
    storage    = {}
  }

  assert {
    condition = (
      aws_sagemaker_model.this.primary_container[0].model_package_name == "arn:aws:sagemaker:eu-west-1:210987654321:model-package/shop/3"
      && aws_sagemaker_model.this.primary_container[0].image == null && aws_sagemaker_model.this.primary_container[0].environment == tomap({ EMBEDDER = "clip" })
    )
    error_message = "A model package includes image and environment; only the given variables are added."
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : statement.Sid => statement.Resource
      } == {
      LogInToRegistry    = "*"
      PublishMetrics     = "*"
      PullImage          = "arn:aws:ecr:eu-west-1:210987654321:repository/serve"
      ReadModelAndInputs = "arn:aws:s3:::registry/shop/3.tar.gz"
      WriteLogs = [
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/shop-test:*",
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/shop-test",
      ]
    }
    error_message = "Without storage and topics the role must read what the package holds and nothing else."
  }
}

run "private_network" {
  command = plan

  variables {
    containers = [{
      image_uri        = "registry.example.com/serve:1"
      private_registry = { credentials_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:credentials" }
    }]
    rollback_alarm_names = ["shop-test-errors"]
    network              = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
    model                = { network_isolation = true }
  }

  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : statement.Resource if statement.Sid == "WatchAlarms"
    ] == ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-test-errors"]
    error_message = "The role must be allowed to describe the alarms that roll an update back, and no other."
  }

  assert {
    condition = (
      aws_sagemaker_model.this.enable_network_isolation
      && aws_sagemaker_model.this.vpc_config[0].subnets == toset(["subnet-1", "subnet-2"])
      && aws_sagemaker_model.this.vpc_config[0].security_group_ids == toset(["sg-1"])
    )
    error_message = "Containers must be isolated, in the subnets given."
  }

  assert {
    condition = (
      aws_sagemaker_model.this.primary_container[0].image_config[0].repository_access_mode == "Vpc"
      && aws_sagemaker_model.this.primary_container[0].image_config[0].repository_auth_config[0].repository_credentials_provider_arn == "arn:aws:lambda:eu-west-1:123456789012:function:credentials"
    )
    error_message = "The image must be pulled through the VPC with the credentials the function gives."
  }

  assert {
    condition = jsonencode({
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement :
      statement.Sid => sort(flatten([statement.Resource]))
      if contains(["AskForRegistryCredentials", "FindNetwork", "LogInToRegistry", "MakeNetworkInterfaces", "PullImage", "UseNetworkInterfaces"], statement.Sid)
      }) == jsonencode({
      AskForRegistryCredentials = ["arn:aws:lambda:eu-west-1:123456789012:function:credentials"]
      FindNetwork               = ["*"]
      MakeNetworkInterfaces = [
        "arn:aws:ec2:eu-west-1:*:subnet/subnet-1",
        "arn:aws:ec2:eu-west-1:*:subnet/subnet-2",
        "arn:aws:ec2:eu-west-1:123456789012:network-interface/*",
        "arn:aws:ec2:eu-west-1:123456789012:security-group/sg-1",
      ]
      UseNetworkInterfaces = ["arn:aws:ec2:eu-west-1:123456789012:network-interface/*"]
    })
    error_message = "In a VPC the role must be allowed its network interfaces, and without Amazon ECR none of its actions."
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : statement.Sid => statement.Condition if statement.Sid == "UseNetworkInterfaces"
      } == {
      UseNetworkInterfaces = { ArnLike = { "ec2:Subnet" = ["arn:aws:ec2:eu-west-1:*:subnet/subnet-1", "arn:aws:ec2:eu-west-1:*:subnet/subnet-2"] } }
    }
    error_message = "Only network interfaces in these subnets may be touched."
  }
}

run "role_that_exists" {
  command = plan

  variables {
    model = { role = { existing = { arn = "arn:aws:iam::123456789012:role/shop-execution" } } }
  }

  assert {
    condition     = aws_sagemaker_model.this.execution_role_arn == "arn:aws:iam::123456789012:role/shop-execution" && length(aws_iam_role.execution) == 0 && length(aws_iam_role_policy.execution) == 0
    error_message = "An existing role must be used and not changed, and none created."
  }

  assert {
    condition     = output.execution_policy_json == data.aws_iam_policy_document.execution.json
    error_message = "The policy that the existing role needs must be an output."
  }
}

run "role_that_exists_with_the_policy" {
  command = plan

  variables {
    model = { role = { existing = { arn = "arn:aws:iam::123456789012:role/team/shop-execution", attach_policy = true } } }
  }

  assert {
    condition     = aws_iam_role_policy.execution[0].role == "shop-execution" && aws_iam_role_policy.execution[0].name == "shop-test-eu-west-1-execution"
    error_message = "The policy must be put on the existing role, under a name of the model's own."
  }

  assert {
    condition     = output.execution_role.supplied && output.execution_role.policy_name == null
    error_message = "The role must remain one that is supplied, with other policies of its owner's."
  }
}

run "role_within_a_boundary" {
  command = plan

  variables {
    model = { role = { path = "/shop/", permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary" } }
  }

  assert {
    condition     = aws_iam_role.execution[0].path == "/shop/" && aws_iam_role.execution[0].permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    error_message = "Path and boundary must be those given."
  }
}

run "keys_of_topics" {
  command = plan

  variables {
    topic_kms_key_arns = ["arn:aws:kms:eu-west-1:210987654321:key/topics"]
  }

  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : statement.Resource if statement.Sid == "EncryptAnnouncements"
    ]) == "arn:aws:kms:eu-west-1:210987654321:key/topics"
    error_message = "The role must encrypt what it publishes with the key of a given topic."
  }
}

run "refuses_an_archive_that_is_not_there" {
  command         = plan
  expect_failures = [aws_s3_object.archive]

  variables {
    containers = [{ archive = { path = "./missing.tar.gz" }, image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1" }]
  }
}

run "refuses_an_archive_whose_tags_are_too_many_with_default_tags" {
  command         = plan
  expect_failures = [aws_s3_object.archive]

  override_resource {
    target          = aws_s3_object.archive
    override_during = plan
    values          = { tags_all = { a = "", b = "", c = "", d = "", e = "", f = "", g = "", h = "", i = "", j = "", k = "" } }
  }

  variables {
    containers = [{ archive = { path = "./tests/archive.tar.gz" }, image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1" }]
  }
}

run "refuses_too_large_environments" {
  command         = plan
  expect_failures = [aws_sagemaker_model.this]

  variables {
    containers = [for half in range(2) : {
      environment = { for place in range(16) : "NAME_${place}" => format("%1024s", "x") }
      image_uri   = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1"
    }]
  }
}

run "the_version_of_a_supplied_archive_is_recorded" {
  command = plan

  assert {
    condition     = one(output.archives).uri == "s3://models/shop/model.tar.gz" && one(output.archives).version_id == "the-version-that-is-there" && one(output.archives).sha256 == null
    error_message = "Verification compares the version that existed at the apply."
  }
}

run "an_uploaded_archive_is_recorded_by_its_content" {
  command = plan

  variables {
    containers = [{ archive = { path = "./tests/archive.tar.gz", sha256 = filesha256("./tests/archive.tar.gz") }, image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve:1" }]
  }

  assert {
    condition     = one(output.archives).sha256 == filesha256("./tests/archive.tar.gz")
    error_message = "The content of an uploaded archive must be known."
  }
}

run "verification_knows_the_role_that_is_made" {
  command = plan

  variables {
    model = { role = { permissions_boundary_arn = "arn:aws:iam::123456789012:policy/limit" } }
  }

  assert {
    condition = (
      !output.execution_role.supplied && output.execution_role.policy_name == "execution"
      && output.execution_role.permissions_boundary_arn == "arn:aws:iam::123456789012:policy/limit"
      && jsondecode(output.execution_role.trust_policy_json).Statement[0].Principal.Service == "sagemaker.amazonaws.com"
    )
    error_message = "Verification must compare everything of a created role."
  }
}

run "verification_knows_what_a_supplied_role_needs" {
  command = plan

  variables {
    model = { role = { existing = { arn = "arn:aws:iam::123456789012:role/theirs" } } }
  }

  assert {
    condition     = output.execution_role.supplied && output.execution_role.trust_policy_json == null && length(jsondecode(output.execution_role.policy_json).Statement) > 4
    error_message = "The policy that a supplied role needs must be known."
  }
}

run "boundary" {
  command = plan

  variables {
    model              = { role = { create_boundary = true } }
    core_dump_uris     = ["s3://dumps/shop/"]
    enable_ssm_access  = true
    topic_kms_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/topics"]
    network            = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition = (
      aws_iam_policy.boundary[0].name == "shop-test-eu-west-1-execution-boundary"
      && output.execution_role.permissions_boundary_arn == "arn:aws:iam::123456789012:policy/shop-test-eu-west-1-execution-boundary"
    )
    error_message = "The boundary must be created, and its ARN be known in the plan."
  }

  assert {
    condition = length(setsubtract(
      flatten([for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : statement.Action]),
      flatten([for statement in jsondecode(data.aws_iam_policy_document.boundary.json).Statement : statement.Action]),
    )) == 0
    error_message = "The boundary must allow every action of the execution role."
  }

  assert {
    condition = alltrue([
      for action in flatten([for statement in jsondecode(data.aws_iam_policy_document.boundary.json).Statement : statement.Action]) :
      !startswith(action, "iam:") && !startswith(action, "sts:") && !endswith(action, "*")
    ])
    error_message = "The boundary must allow nothing of IAM, and no action by a wildcard."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.boundary.json).Statement : statement.Resource if statement.Sid == "Data"
      ])) == toset([
      "arn:aws:s3:::dumps/shop/*", "arn:aws:s3:::models/shop/model.tar.gz", "arn:aws:s3:::shop/failure/*", "arn:aws:s3:::shop/input/*",
      "arn:aws:s3:::shop/model/*", "arn:aws:s3:::shop/output/*",
    ])
    error_message = "The boundary must cover this deployment's data, model archives to come included, and nothing else."
  }

  assert {
    condition = length(setsubtract(
      flatten(jsondecode(data.aws_iam_policy_document.execution.json).Statement[*].Action),
      flatten(jsondecode(data.aws_iam_policy_document.boundary.json).Statement[*].Action),
    )) == 0
    error_message = "The boundary must have every action of the execution role's policy."
  }

  assert {
    condition     = length(replace(data.aws_iam_policy_document.boundary.json, "/\\s/", "")) <= 6144
    error_message = "The boundary must fit into a managed policy."
  }

  assert {
    condition = jsonencode({
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : statement.Sid => sort(flatten([statement.Action]))
      if contains(["OpenShellChannels", "UseKeyOfDeployment", "WriteCoreDumps"], statement.Sid)
      }) == jsonencode({
      OpenShellChannels  = ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
      UseKeyOfDeployment = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
      WriteCoreDumps     = ["s3:AbortMultipartUpload", "s3:PutObject"]
    })
    error_message = "SSM access and core dumps must have their permissions."
  }
}

run "execution_role_in_china" {
  command   = plan
  providers = { aws = aws.china }

  variables {
    containers = [{
      archive        = {}
      ecr_uris       = ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/serve:1"]
      image_uri      = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/serve:1"
      model_data_url = "s3://models/shop/model.tar.gz"
    }]
    network              = { security_group_ids = ["sg-0123456789abcdef0"], subnet_ids = ["subnet-0123456789abcdef0"] }
    rollback_alarm_names = ["shop-test-primary-server-errors"]
    storage = {
      bucket_arn  = "arn:aws-cn:s3:::shop"
      bucket_name = "shop"
      kms_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/own"
      prefixes    = { failure = "failure/", input = "input/", model = "model/", output = "output/" }
    }
    topic_arns = {
      error   = "arn:aws-cn:sns:cn-north-1:123456789012:shop-test-error"
      success = "arn:aws-cn:sns:cn-north-1:123456789012:shop-test-success"
    }
  }

  assert {
    condition = length(setsubtract(
      flatten(jsondecode(data.aws_iam_policy_document.execution.json).Statement[*].Action),
      flatten(jsondecode(data.aws_iam_policy_document.boundary.json).Statement[*].Action),
    )) == 0
    error_message = "The boundary must have every action of the execution role's policy."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : [
        for resource in flatten([statement.Resource]) : resource == "*" || startswith(resource, "arn:aws-cn:")
      ]
    ]))
    error_message = "Every resource must be in the partition."
  }

  assert {
    condition = (
      aws_iam_role.execution[0].name == "shop-test-cn-north-1-execution"
      && output.planned_execution_role_arn == "arn:aws-cn:iam::123456789012:role/shop-test-cn-north-1-execution"
      && jsondecode(aws_iam_role.execution[0].assume_role_policy).Statement[0].Principal.Service == "sagemaker.amazonaws.com"
    )
    error_message = "The role's name must include the region, and SageMaker's principal is the same in every partition."
  }
}

run "execution_role_in_the_government_regions" {
  command   = plan
  providers = { aws = aws.government }

  variables {
    containers = [{
      archive        = {}
      ecr_uris       = ["123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/team/serve:1"]
      image_uri      = "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/team/serve:1"
      model_data_url = "s3://models/shop/model.tar.gz"
    }]
    network              = { security_group_ids = ["sg-0123456789abcdef0"], subnet_ids = ["subnet-0123456789abcdef0"] }
    rollback_alarm_names = ["shop-test-primary-server-errors"]
    storage = {
      bucket_arn  = "arn:aws-us-gov:s3:::shop"
      bucket_name = "shop"
      kms_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/own"
      prefixes    = { failure = "failure/", input = "input/", model = "model/", output = "output/" }
    }
    topic_arns = {
      error   = "arn:aws-us-gov:sns:us-gov-west-1:123456789012:shop-test-error"
      success = "arn:aws-us-gov:sns:us-gov-west-1:123456789012:shop-test-success"
    }
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : [
        for resource in flatten([statement.Resource]) : resource == "*" || startswith(resource, "arn:aws-us-gov:")
      ]
    ]))
    error_message = "Every resource must be in the partition."
  }

  assert {
    condition = (
      aws_iam_role.execution[0].name == "shop-test-us-gov-west-1-execution"
      && output.planned_execution_role_arn == "arn:aws-us-gov:iam::123456789012:role/shop-test-us-gov-west-1-execution"
      && jsondecode(aws_iam_role.execution[0].assume_role_policy).Statement[0].Principal.Service == "sagemaker.amazonaws.com"
    )
    error_message = "The role's name must include the region, and SageMaker's principal is the same in every partition."
  }
}

run "an_imported_role_keeps_its_trust_and_its_policies" {
  command = plan

  variables {
    model = { role = { create_boundary = true, path = "/ml/" } }
    names = { role = "TeamRole" }
  }

  assert {
    condition     = aws_iam_role.imported[0].name == "TeamRole" && aws_iam_role.imported[0].path == "/ml/" && length(aws_iam_role.execution) == 0
    error_message = "The role must have the name and path that it has, at an address whose trust policy is not changed."
  }

  assert {
    condition     = aws_iam_role_policy.execution[0].name == "shop-test-eu-west-1-execution" && aws_iam_role_policy.execution[0].role == "TeamRole"
    error_message = "The policy that is added must not replace one of the role's own."
  }

  assert {
    condition     = output.planned_execution_role_arn == "arn:aws:iam::123456789012:role/ml/TeamRole" && output.execution_role.trust_policy_json == null && !output.execution_role.supplied
    error_message = "Verification must know that the trust policy is not planned."
  }

  assert {
    condition     = aws_iam_policy.boundary[0].name == "shop-test-eu-west-1-execution-boundary"
    error_message = "The boundary must be named after the deployment, whose policies name it."
  }
}

run "refuses_to_import_its_own_role" {
  command         = plan
  expect_failures = [aws_iam_role.imported]

  variables {
    names = { role = "shop-test-eu-west-1-execution" }
  }
}
