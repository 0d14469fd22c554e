# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  name           = "shop-test"
  endpoint_names = ["shop-test"]
  containers     = [{ archive = { s3_uri = "s3://models/shop/model.tar.gz" }, image = { framework = "pytorch", version = "2.6.0" } }]
  storage = {
    bucket_arn  = "arn:aws:s3:::shop"
    bucket_name = "shop"
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
    prefixes    = { failure = "failure/", input = "input/", model = "model/", output = "output/" }
  }
}

run "refuses_no_container" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = []
  }
}

run "refuses_a_pipeline_of_sixteen" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [for place in range(16) : { image = { framework = "pytorch", version = "2.6.0" } }]
  }
}

run "refuses_neither_image_nor_model_package" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ archive = { s3_uri = "s3://models/model.tar.gz" } }]
  }
}

run "refuses_both_image_and_model_package" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, model_package = { arn = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/shop/1" } }]
  }
}

run "refuses_two_kinds_of_model_data" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, archive = { s3_uri = "s3://models/model.tar.gz" }, data_source = { s3_uri = "s3://models/shop/" } }]
  }
}

run "refuses_no_archive" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, archive = {} }]
  }
}

run "refuses_two_archives" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, archive = { path = "./tests/archive.tar.gz", s3_uri = "s3://models/shop/model.tar.gz" } }]
  }
}

run "refuses_an_archive_uri_that_is_not_s3" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, archive = { s3_uri = "https://models/model.tar.gz" } }]
  }
}

run "refuses_a_file_that_is_no_archive" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, archive = { path = "./main.tf" } }]
  }
}

run "refuses_a_key_for_an_uploaded_archive" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, archive = { path = "./tests/archive.tar.gz", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/foreign" } }]
  }
}

run "refuses_a_prefix_without_a_slash" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, data_source = { s3_uri = "s3://models/shop" } }]
  }
}

run "refuses_a_key_by_its_alias" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, data_source = { s3_uri = "s3://models/shop/", kms_key_arn = "alias/models" } }]
  }
}

run "refuses_an_environment_key_that_is_no_name" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, environment = { "1ST" = "x" } }]
  }
}

run "refuses_an_environment_value_that_is_too_long" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, environment = { LONG = format("%1025s", "x") } }]
  }
}

run "refuses_a_hostname_with_a_dot" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, hostname = "wash.local" }]
  }
}

run "refuses_a_hostname_for_some_only" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, hostname = "wash" }, { image = { framework = "pytorch", version = "2.6.0" } }]
  }
}

run "refuses_a_hostname_given_twice" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, hostname = "wash" }, { image = { framework = "pytorch", version = "2.6.0" }, hostname = "wash" }]
  }
}

run "refuses_two_multi_model_containers" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, multi_model = {} }, { image = { framework = "pytorch", version = "2.6.0" }, multi_model = {} }]
  }
}

run "refuses_an_image_given_twice" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0", uri = "210987654321.dkr.ecr.us-east-1.amazonaws.com/serve:1" } }]
  }
}

run "refuses_a_framework_without_version" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch" } }]
  }
}

run "refuses_an_unknown_framework" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "caffe", version = "1.0.0" } }]
  }
}

run "refuses_half_a_version" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6" } }]
  }
}

run "refuses_an_unknown_processor" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0", processor = "tpu" } }]
  }
}

run "refuses_a_python_that_is_no_tag" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0", python = "3.12" } }]
  }
}

run "refuses_an_image_outside_ecr" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { uri = "docker.io/pytorch/pytorch:latest" } }]
  }
}

run "refuses_an_image_of_a_private_registry_without_tag" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { uri = "registry.example.com/team/serve", private_registry = {} } }]
    network    = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }
}

run "refuses_half_a_digest" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { uri = "210987654321.dkr.ecr.us-east-1.amazonaws.com/serve@sha256:abc" } }]
  }
}

run "refuses_credentials_from_what_is_no_function" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { uri = "registry.example.com/serve:1", private_registry = { credentials_function_arn = "shop-credentials" } } }]
    network    = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }
}

run "refuses_a_private_registry_without_vpc" {
  command         = plan
  expect_failures = [var.network]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { uri = "registry.example.com/serve:1", private_registry = {} } }]
  }
}

run "refuses_a_repository_with_tag_and_digest" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { repository = { name = "serve", tag = "1", digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" } } }]
  }
}

run "refuses_a_digest_of_a_repository_that_is_none" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { repository = { name = "serve", digest = "sha256:abc" } } }]
  }
}

run "refuses_a_repository_with_its_registry" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { repository = { name = "210987654321.dkr.ecr.us-east-1.amazonaws.com/serve:1", tag = "1" } } }]
  }
}

run "refuses_a_model_package_by_its_name" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ model_package = { arn = "shop/1" } }]
  }
}

run "refuses_bodies_above_one_gigabyte" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, serving = { max_request_bytes = 1073741825 } }]
  }
}

run "refuses_a_program_that_is_not_python" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, serving = { program = "serve.sh" } }]
  }
}

run "refuses_no_workers" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, serving = { workers = 0 } }]
  }
}

run "refuses_more_than_an_hour" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, serving = { timeout_seconds = 3601 } }]
  }
}

run "refuses_no_endpoint" {
  command         = plan
  expect_failures = [var.endpoint_names]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_names = []
  }
}

run "refuses_an_unknown_invocation" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" } }, { image = { framework = "pytorch", version = "2.6.0" } }]
    model      = { invocation = "parallel" }
  }
}

run "refuses_direct_invocation_without_hostnames" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" } }, { image = { framework = "pytorch", version = "2.6.0" } }]
    model      = { invocation = "direct" }
  }
}

run "refuses_direct_invocation_of_a_multi_model_container" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, hostname = "wash", multi_model = {} }, { image = { framework = "pytorch", version = "2.6.0" }, hostname = "dry" }]
    model      = { invocation = "direct" }
  }
}

run "refuses_a_name_that_is_too_long" {
  command         = plan
  expect_failures = [var.name]

  module {
    source = "./tests/rules"
  }

  variables {
    name = "a-name-of-more-than-fifty-characters-leaves-no-room-for-a-hash"
  }
}

run "refuses_a_role_by_its_name" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    model = { role = { existing = { arn = "shop-execution" } } }
  }
}

run "refuses_a_boundary_of_a_given_role" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    model = { role = { existing = { arn = "arn:aws:iam::123456789012:role/shop" }, permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary" } }
  }
}

run "refuses_prefixes_without_a_bucket" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { prefixes = { input = "input/" } }
  }
}

run "refuses_a_prefix_of_storage_without_a_slash" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { bucket_arn = "arn:aws:s3:::shop", bucket_name = "shop", prefixes = { input = "input" } }
  }
}

run "refuses_an_upload_without_storage" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage    = {}
    containers = [{ image = { framework = "pytorch", version = "2.6.0" }, archive = { path = "./tests/archive.tar.gz" } }]
  }
}

run "refuses_a_topic_key_by_its_alias" {
  command         = plan
  expect_failures = [var.topic_kms_key_arns]

  module {
    source = "./tests/rules"
  }

  variables {
    topic_kms_key_arns = ["alias/topics"]
  }
}

run "refuses_subnets_without_security_groups" {
  command         = plan
  expect_failures = [var.network]

  module {
    source = "./tests/rules"
  }

  variables {
    network = { subnet_ids = ["subnet-1"] }
  }
}

run "refuses_six_security_groups" {
  command         = plan
  expect_failures = [var.network]

  module {
    source = "./tests/rules"
  }

  variables {
    network = { subnet_ids = ["subnet-1"], security_group_ids = [for place in range(6) : "sg-${place}"] }
  }
}

run "refuses_a_security_group_for_a_subnet" {
  command         = plan
  expect_failures = [var.network]

  module {
    source = "./tests/rules"
  }

  variables {
    network = { subnet_ids = ["sg-1"], security_group_ids = ["sg-1"] }
  }
}
