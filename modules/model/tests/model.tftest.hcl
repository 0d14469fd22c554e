# Offline: the provider plans without an account, so that policies and images are the real ones.
provider "aws" {
  region                      = "eu-west-1"
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
  name          = "shop-test"
  endpoint_name = "shop-test"
  archive       = { s3_uri = "s3://models/shop/model.tar.gz" }
  image         = { framework = "pytorch", version = "2.6.0" }
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
      WriteOutputsAndFailures = {
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
    archive = {
      s3_uri      = "s3://models/shop/model.tar.gz"
      kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/foreign"
    }
  }

  assert {
    condition     = aws_sagemaker_model.this.primary_container[0].model_data_url == "s3://models/shop/model.tar.gz"
    error_message = "An archive that exists is served from where it is."
  }

  assert {
    condition = one([
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : statement
      if statement.Sid == "DecryptArchive"
    ]).Resource == "arn:aws:kms:eu-west-1:123456789012:key/foreign"
    error_message = "The role must be able to decrypt an archive under a key of its own."
  }
}

run "archive_from_a_file" {
  command = plan

  variables {
    archive = { path = "./tests/archive.tar.gz" }
  }

  assert {
    condition     = aws_s3_object.archive[0].key == "model/${substr(filesha256("./tests/archive.tar.gz"), 0, 16)}/archive.tar.gz"
    error_message = "The key must lie below the model prefix and carry the hash of the content."
  }

  assert {
    condition     = aws_sagemaker_model.this.primary_container[0].model_data_url == "s3://shop/${aws_s3_object.archive[0].key}"
    error_message = "The model must be served from the uploaded object."
  }

  assert {
    condition = contains(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.execution.json).Statement : statement.Resource
      if statement.Sid == "ReadModelAndInputs"
    ]), "arn:aws:s3:::shop/model/*")
    error_message = "The role must read the whole model prefix, so that a rollback still finds the previous archive."
  }

  assert {
    condition     = aws_sagemaker_model.this.name != run.archive_in_a_bucket_with_its_own_key.name
    error_message = "Another archive must make a model of another name."
  }
}

run "image_by_framework" {
  command = plan

  variables {
    image = { framework = "pytorch", version = "2.5.1", processor = "gpu" }
  }

  assert {
    condition     = output.image_uri == "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.5.1-gpu-py311"
    error_message = "A PyTorch image is tagged with version, processor and the Python of that version."
  }
}

run "image_by_framework_with_another_python" {
  command = plan

  variables {
    image = { framework = "pytorch", version = "9.0.0", python = "py315" }
  }

  assert {
    condition     = endswith(output.image_uri, "/pytorch-inference:9.0.0-cpu-py315")
    error_message = "A version that is not listed here takes the Python it is given."
  }
}

run "image_by_tensorflow" {
  command = plan

  variables {
    image = { framework = "tensorflow", version = "2.18.0" }
  }

  assert {
    condition     = endswith(output.image_uri, "/tensorflow-inference:2.18.0-cpu")
    error_message = "A TensorFlow image is tagged with version and processor."
  }
}

run "image_by_uri" {
  command = plan

  variables {
    image = { uri = "210987654321.dkr.ecr.us-east-1.amazonaws.com/team/serve@sha256:abc" }
  }

  assert {
    condition     = aws_sagemaker_model.this.primary_container[0].image == "210987654321.dkr.ecr.us-east-1.amazonaws.com/team/serve@sha256:abc"
    error_message = "A given image is used as it is."
  }

  assert {
    condition     = local._repository_arn == "arn:aws:ecr:us-east-1:210987654321:repository/team/serve"
    error_message = "The role must pull from the image's own repository, in its own account and region."
  }
}

run "environment_defaults" {
  command = plan

  assert {
    condition = aws_sagemaker_model.this.primary_container[0].environment == tomap({
      MKL_NUM_THREADS                = "2"
      MMS_DEFAULT_RESPONSE_TIMEOUT   = "300"
      MMS_MAX_REQUEST_SIZE           = "104857600"
      MMS_MAX_RESPONSE_SIZE          = "104857600"
      MODEL_SERVER_TIMEOUT           = "300"
      MODEL_SERVER_WORKERS           = "1"
      OMP_NUM_THREADS                = "2"
      SAGEMAKER_MODEL_SERVER_TIMEOUT = "300"
      SAGEMAKER_MODEL_SERVER_WORKERS = "1"
      SAGEMAKER_PROGRAM              = "inference.py"
      SAGEMAKER_SUBMIT_DIRECTORY     = "/opt/ml/model/code"
      TOKENIZERS_PARALLELISM         = "false"
      TS_DEFAULT_RESPONSE_TIMEOUT    = "300"
      TS_DEFAULT_WORKERS_PER_MODEL   = "1"
      TS_MAX_REQUEST_SIZE            = "104857600"
      TS_MAX_RESPONSE_SIZE           = "104857600"
    })
    error_message = "The container must be given time-outs, workers, threads and sizes under every name a serving stack reads."
  }
}

run "environment_overridden" {
  command = plan

  variables {
    serving     = { timeout_seconds = 900, workers = 3, threads = 4, max_request_bytes = 1000, program = "serve.py" }
    environment = { OMP_NUM_THREADS = "8", EMBEDDER = "clip" }
  }

  assert {
    condition = {
      for key in ["EMBEDDER", "MKL_NUM_THREADS", "MMS_MAX_REQUEST_SIZE", "OMP_NUM_THREADS", "SAGEMAKER_PROGRAM", "TS_DEFAULT_RESPONSE_TIMEOUT", "TS_DEFAULT_WORKERS_PER_MODEL"] :
      key => output.environment[key]
      } == {
      EMBEDDER                     = "clip"
      MKL_NUM_THREADS              = "4"
      MMS_MAX_REQUEST_SIZE         = "1000"
      OMP_NUM_THREADS              = "8"
      SAGEMAKER_PROGRAM            = "serve.py"
      TS_DEFAULT_RESPONSE_TIMEOUT  = "900"
      TS_DEFAULT_WORKERS_PER_MODEL = "3"
    }
    error_message = "Fields of serving set the variables derived from them, and environment wins over both."
  }

  assert {
    condition     = aws_sagemaker_model.this.name != run.environment_defaults.name
    error_message = "Another environment must make a model of another name."
  }

  assert {
    condition     = output.timeout_seconds == 900
    error_message = "The time one request may take is passed on."
  }
}

run "refuses_an_archive_that_is_not_there" {
  command         = plan
  expect_failures = [aws_s3_object.archive]

  variables {
    archive = { path = "./missing.tar.gz" }
  }
}

run "refuses_a_version_whose_python_is_not_known" {
  command         = plan
  expect_failures = [data.aws_sagemaker_prebuilt_ecr_image.this]

  variables {
    image = { framework = "pytorch", version = "9.0.0" }
  }
}
