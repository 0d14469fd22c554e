# Offline: the provider plans without an account, so that the registries of images are the real ones.
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

override_data {
  target = data.aws_s3_object.supplied
  values = { version_id = "the-version-that-is-there" }
}

variables {
  container = { archive = { s3_uri = "s3://models/shop/model.tar.gz" }, image = { framework = "pytorch", version = "2.6.0" } }
}

run "framework_image" {
  command = plan

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" } }
  }

  assert {
    condition     = output.image_uri == "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312" && output.ecr_uris == tolist([output.image_uri])
    error_message = "The image must have this URI, and the execution role must pull it."
  }
}

run "framework_image_for_a_gpu" {
  command = plan

  variables {
    container = { image = { framework = "pytorch", version = "2.5.1", processor = "gpu" } }
  }

  assert {
    condition     = output.image_uri == "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.5.1-gpu-py311" && output.ecr_uris == tolist([output.image_uri])
    error_message = "The image must have this URI, and the execution role must pull it."
  }
}

run "framework_image_with_its_python" {
  command = plan

  variables {
    container = { image = { framework = "pytorch", version = "9.0.0", python = "py315" } }
  }

  assert {
    condition     = output.image_uri == "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:9.0.0-cpu-py315" && output.ecr_uris == tolist([output.image_uri])
    error_message = "The image must have this URI, and the execution role must pull it."
  }
}

run "tensorflow_image" {
  command = plan

  variables {
    container = { image = { framework = "tensorflow", version = "2.18.0" } }
  }

  assert {
    condition     = output.image_uri == "763104351884.dkr.ecr.eu-west-1.amazonaws.com/tensorflow-inference:2.18.0-cpu" && output.ecr_uris == tolist([output.image_uri])
    error_message = "The image must have this URI, and the execution role must pull it."
  }
}

run "prebuilt_image" {
  command = plan

  variables {
    container = { image = { prebuilt = { repository = "sagemaker-xgboost", tag = "1.7-1" } } }
  }

  assert {
    condition     = output.image_uri == "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1" && output.ecr_uris == tolist([output.image_uri])
    error_message = "The image must have this URI, and the execution role must pull it."
  }
}

run "image_of_this_account" {
  command = plan

  variables {
    container = { image = { repository = { name = "team/serve", tag = "7" } } }
  }

  assert {
    condition     = output.image_uri == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/serve:7" && output.ecr_uris == tolist([output.image_uri])
    error_message = "The image must have this URI, and the execution role must pull it."
  }
}

run "image_by_digest" {
  command = plan

  variables {
    container = { image = { repository = { name = "serve", digest = "sha256:${join("", [for place in range(64) : "0"])}", account_id = "210987654321" } } }
  }

  assert {
    condition     = output.image_uri == "210987654321.dkr.ecr.eu-west-1.amazonaws.com/serve@sha256:0000000000000000000000000000000000000000000000000000000000000000" && output.ecr_uris == tolist([output.image_uri])
    error_message = "The image must have this URI, and the execution role must pull it."
  }
}

run "image_by_uri" {
  command = plan

  variables {
    container = { image = { uri = "345678901234.dkr.ecr.eu-west-1.amazonaws.com/other:1" } }
  }

  assert {
    condition     = output.image_uri == "345678901234.dkr.ecr.eu-west-1.amazonaws.com/other:1" && output.ecr_uris == tolist([output.image_uri])
    error_message = "The image must have this URI, and the execution role must pull it."
  }
}

run "processor_of_the_instance_type" {
  command = plan

  variables {
    processor = "gpu"
  }

  assert {
    condition     = endswith(output.image_uri, "/pytorch-inference:2.6.0-gpu-py312")
    error_message = "A framework image without processor must take that of the instance type."
  }
}

run "image_in_a_private_registry" {
  command = plan

  variables {
    container = { image = { uri = "registry.example.com/serve:1", private_registry = {} } }
  }

  assert {
    condition     = output.image_uri == "registry.example.com/serve:1" && length(output.ecr_uris) == 0 && output.private_registry != null
    error_message = "An image outside Amazon ECR needs no permission to pull from there."
  }
}

run "model_package" {
  command = plan

  variables {
    container = {
      environment   = { EMBEDDER = "clip" }
      model_package = { arn = "arn:aws:sagemaker:eu-west-1:210987654321:model-package/shop/3", image_uri = "210987654321.dkr.ecr.eu-west-1.amazonaws.com/serve:3" }
    }
  }

  assert {
    condition = (
      output.image_uri == null && output.environment == tomap({ EMBEDDER = "clip" }) && output.archive == null
      && output.ecr_uris == tolist(["210987654321.dkr.ecr.eu-west-1.amazonaws.com/serve:3"])
    )
    error_message = "A model package includes image and environment; only the given variables are added."
  }
}

run "unpacked_model_with_its_own_key" {
  command = plan

  variables {
    container = {
      data_source = { s3_uri = "s3://models/shop/", accept_eula = true, kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/foreign" }
      image       = { framework = "pytorch", version = "2.6.0" }
    }
  }

  assert {
    condition     = output.data_source.s3_uri == "s3://models/shop/" && output.data_source.accept_eula && output.kms_key_arns == tolist(["arn:aws:kms:eu-west-1:123456789012:key/foreign"])
    error_message = "The prefix and the key that decrypts it must be passed on."
  }
}

run "multi_model" {
  command = plan

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, multi_model = { s3_uri = "s3://models/many/" } }
  }

  assert {
    condition     = output.model_data_url == "s3://models/many/" && output.multi_model.cache_models
    error_message = "Archives below a prefix must be found there, and cached by default."
  }
}

run "environment_defaults" {
  command = plan

  assert {
    condition = output.environment == tomap({
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

run "environment_of_another_origin" {
  command = plan

  variables {
    container = {
      environment = { SAGEMAKER_PROGRAM = "serve.py" }
      image       = { framework = "pytorch", version = "2.6.0" }
      serving     = { exported = false, timeout_seconds = 120 }
    }
  }

  assert {
    condition     = output.environment == tomap({ SAGEMAKER_PROGRAM = "serve.py" }) && output.invocation_timeout_seconds == 120
    error_message = "With serving.exported = false the environment must be the given one, and the time limit still known."
  }
}

run "environment_overridden" {
  command = plan

  variables {
    container = {
      environment = { OMP_NUM_THREADS = "8", EMBEDDER = "clip" }
      image       = { framework = "pytorch", version = "2.6.0" }
      serving     = { timeout_seconds = 900, workers = 3, threads = 4, max_request_bytes = 1000, program = "serve.py" }
    }
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
    condition     = output.invocation_timeout_seconds == 900
    error_message = "The time one request may take is passed on."
  }
}

run "the_version_of_an_existing_archive_is_recorded" {
  command = plan

  assert {
    condition     = output.archive.path == null && output.archive.sha256 == null && output.archive.version_id == "the-version-that-is-there" && output.model_data_url == "s3://models/shop/model.tar.gz"
    error_message = "Verification compares the version that existed at the apply."
  }
}

run "an_archive_that_must_not_be_read_is_not" {
  command = plan

  variables {
    container = { archive = { s3_uri = "s3://models/shop/model.tar.gz", record_version = false }, image = { framework = "pytorch", version = "2.6.0" } }
  }

  assert {
    condition     = length(data.aws_s3_object.supplied) == 0 && output.archive.version_id == null
    error_message = "With record_version = false the archive must not be read."
  }
}

run "a_local_archive_is_recorded_by_its_content" {
  command = plan

  variables {
    container = { archive = { path = "./tests/archive.tar.gz" }, image = { framework = "pytorch", version = "2.6.0" } }
  }

  assert {
    condition     = output.archive.sha256 == filesha256("./tests/archive.tar.gz") && output.archive.path == "./tests/archive.tar.gz" && output.model_data_url == null && length(data.aws_s3_object.supplied) == 0
    error_message = "The content of a local archive is known before its upload."
  }
}

run "refuses_a_version_whose_python_is_not_known" {
  command         = plan
  expect_failures = [data.aws_sagemaker_prebuilt_ecr_image.this]

  variables {
    container = { image = { framework = "pytorch", version = "9.0.0" } }
  }
}

run "refuses_too_many_variables" {
  command         = plan
  expect_failures = [output.environment]

  variables {
    container = {
      environment = { for place in range(85) : "NAME_${place}" => "x" }
      image       = { framework = "pytorch", version = "2.6.0" }
    }
  }
}

run "refuses_an_image_of_another_region" {
  command         = plan
  expect_failures = [output.ecr_uris]

  variables {
    container = { image = { uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/serve:1" } }
  }
}

run "images_in_china" {
  command   = plan
  providers = { aws = aws.china }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" } }
  }

  assert {
    condition     = output.image_uri == "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/pytorch-inference:2.6.0-cpu-py312" && output.ecr_uris == tolist([output.image_uri])
    error_message = "The registry must be that of the partition, under its domain."
  }
}

run "own_image_in_china" {
  command   = plan
  providers = { aws = aws.china }

  variables {
    container = { image = { repository = { name = "team/serve", tag = "1" } } }
  }

  assert {
    condition     = output.image_uri == "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/serve:1"
    error_message = "A repository of this account must be under the partition's domain."
  }
}

run "images_of_the_government_regions" {
  command   = plan
  providers = { aws = aws.government }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" } }
  }

  assert {
    condition     = output.image_uri == "442386744353.dkr.ecr.us-gov-west-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
    error_message = "The registry must be that of the region."
  }
}

run "refuses_data_by_its_key_in_another_region" {
  command         = plan
  expect_failures = [output.kms_key_arns]

  variables {
    container = { archive = { s3_uri = "s3://models/shop/model.tar.gz", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/foreign" }, image = { framework = "pytorch", version = "2.6.0" } }
  }
}

run "refuses_data_by_its_bucket_in_another_region" {
  command         = plan
  expect_failures = [output.kms_key_arns]

  variables {
    container = { data_source = { s3_uri = "s3://sagemaker-us-east-1-123456789012/shop/" }, image = { framework = "pytorch", version = "2.6.0" } }
  }
}

run "refuses_a_package_of_another_region" {
  command         = plan
  expect_failures = [output.model_package]

  variables {
    container = { model_package = { arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/shop/1" } }
  }
}

run "a_bucket_of_this_region" {
  command = plan

  variables {
    container = { multi_model = { s3_uri = "s3://sagemaker-eu-west-1-123456789012/shop/" }, image = { framework = "pytorch", version = "2.6.0" } }
  }

  assert {
    condition     = output.model_data_url == "s3://sagemaker-eu-west-1-123456789012/shop/"
    error_message = "Model data of the model's region must be accepted."
  }
}

run "refuses_a_credentials_function_of_another_region" {
  command         = plan
  expect_failures = [output.private_registry]

  variables {
    container = { image = { uri = "registry.example.com/serve:1", private_registry = { credentials_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:login" } } }
  }
}
