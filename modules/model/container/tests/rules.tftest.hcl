# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  container = { archive = { s3_uri = "s3://models/shop/model.tar.gz" }, image = { framework = "pytorch", version = "2.6.0" } }
}

run "refuses_neither_image_nor_model_package" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { archive = { s3_uri = "s3://models/model.tar.gz" } }
  }
}

run "refuses_both_image_and_model_package" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, model_package = { arn = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/shop/1" } }
  }
}

run "refuses_two_kinds_of_model_data" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, archive = { s3_uri = "s3://models/model.tar.gz" }, data_source = { s3_uri = "s3://models/shop/" } }
  }
}

run "refuses_no_archive" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, archive = {} }
  }
}

run "refuses_two_archives" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, archive = { path = "./tests/archive.tar.gz", s3_uri = "s3://models/shop/model.tar.gz" } }
  }
}

run "refuses_an_archive_uri_that_is_not_s3" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, archive = { s3_uri = "https://models/model.tar.gz" } }
  }
}

run "refuses_a_file_that_is_no_archive" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, archive = { path = "./main.tf" } }
  }
}

run "refuses_a_key_for_an_uploaded_archive" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, archive = { path = "./tests/archive.tar.gz", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/foreign" } }
  }
}

run "refuses_a_prefix_without_a_slash" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, data_source = { s3_uri = "s3://models/shop" } }
  }
}

run "refuses_a_key_by_its_alias" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, data_source = { s3_uri = "s3://models/shop/", kms_key_arn = "alias/models" } }
  }
}

run "refuses_an_environment_key_that_is_no_name" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, environment = { "1ST" = "x" } }
  }
}

run "refuses_an_environment_value_that_is_too_long" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, environment = { LONG = format("%1025s", "x") } }
  }
}

run "refuses_a_hostname_with_a_dot" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, hostname = "wash.local" }
  }
}

run "refuses_an_image_given_twice" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0", uri = "210987654321.dkr.ecr.us-east-1.amazonaws.com/serve:1" } }
  }
}

run "refuses_a_framework_without_version" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch" } }
  }
}

run "refuses_an_unknown_framework" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "caffe", version = "1.0.0" } }
  }
}

run "refuses_half_a_version" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6" } }
  }
}

run "refuses_an_unknown_processor" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0", processor = "tpu" } }
  }
}

run "refuses_a_python_that_is_no_tag" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0", python = "3.12" } }
  }
}

run "refuses_an_image_outside_ecr" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { uri = "docker.io/pytorch/pytorch:latest" } }
  }
}

run "refuses_an_image_of_a_private_registry_without_tag" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { uri = "registry.example.com/team/serve", private_registry = {} } }
  }
}

run "refuses_half_a_digest" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { uri = "210987654321.dkr.ecr.us-east-1.amazonaws.com/serve@sha256:abc" } }
  }
}

run "refuses_credentials_from_what_is_no_function" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { uri = "registry.example.com/serve:1", private_registry = { credentials_function_arn = "shop-credentials" } } }
  }
}

run "refuses_a_repository_with_tag_and_digest" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { repository = { name = "serve", tag = "1", digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" } } }
  }
}

run "refuses_a_digest_of_a_repository_that_is_none" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { repository = { name = "serve", digest = "sha256:abc" } } }
  }
}

run "refuses_a_repository_with_its_registry" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { repository = { name = "210987654321.dkr.ecr.us-east-1.amazonaws.com/serve:1", tag = "1" } } }
  }
}

run "refuses_a_model_package_by_its_name" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { model_package = { arn = "shop/1" } }
  }
}

run "refuses_bodies_above_one_gigabyte" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, serving = { max_request_bytes = 1073741825 } }
  }
}

run "refuses_a_program_that_is_not_python" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, serving = { program = "serve.sh" } }
  }
}

run "refuses_no_workers" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, serving = { workers = 0 } }
  }
}

run "refuses_more_than_an_hour" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, serving = { timeout_seconds = 3601 } }
  }
}

run "refuses_a_multi_model_prefix_without_a_slash" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { framework = "pytorch", version = "2.6.0" }, multi_model = { s3_uri = "s3://models/shop" } }
  }
}

run "refuses_a_prebuilt_image_with_its_tag" {
  command         = plan
  expect_failures = [var.container]

  module {
    source = "./tests/rules"
  }

  variables {
    container = { image = { prebuilt = { repository = "sagemaker-xgboost:1.7-1", tag = "1.7-1" } } }
  }
}

run "refuses_a_processor_that_no_framework_image_has" {
  command         = plan
  expect_failures = [var.processor]

  module {
    source = "./tests/rules"
  }

  variables {
    processor = "tpu"
  }
}
