# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
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

run "refuses_no_archive" {
  command         = plan
  expect_failures = [var.archive]

  module {
    source = "./tests/rules"
  }

  variables {
    archive = {}
  }
}

run "refuses_two_archives" {
  command         = plan
  expect_failures = [var.archive]

  module {
    source = "./tests/rules"
  }

  variables {
    archive = { path = "./tests/archive.tar.gz", s3_uri = "s3://models/shop/model.tar.gz" }
  }
}

run "refuses_an_archive_uri_that_is_not_s3" {
  command         = plan
  expect_failures = [var.archive]

  module {
    source = "./tests/rules"
  }

  variables {
    archive = { s3_uri = "https://models/model.tar.gz" }
  }
}

run "refuses_a_file_that_is_no_archive" {
  command         = plan
  expect_failures = [var.archive]

  module {
    source = "./tests/rules"
  }

  variables {
    archive = { path = "./main.tf" }
  }
}

run "refuses_a_key_for_an_uploaded_archive" {
  command         = plan
  expect_failures = [var.archive]

  module {
    source = "./tests/rules"
  }

  variables {
    archive = { path = "./tests/archive.tar.gz", kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/foreign" }
  }
}

run "refuses_an_environment_key_that_is_no_name" {
  command         = plan
  expect_failures = [var.environment]

  module {
    source = "./tests/rules"
  }

  variables {
    environment = { "1ST" = "x" }
  }
}

run "refuses_an_environment_value_that_is_too_long" {
  command         = plan
  expect_failures = [var.environment]

  module {
    source = "./tests/rules"
  }

  variables {
    environment = { LONG = format("%1025s", "x") }
  }
}

run "refuses_an_image_given_twice" {
  command         = plan
  expect_failures = [var.image]

  module {
    source = "./tests/rules"
  }

  variables {
    image = { framework = "pytorch", version = "2.6.0", uri = "210987654321.dkr.ecr.us-east-1.amazonaws.com/serve:1" }
  }
}

run "refuses_a_framework_without_version" {
  command         = plan
  expect_failures = [var.image]

  module {
    source = "./tests/rules"
  }

  variables {
    image = { framework = "pytorch" }
  }
}

run "refuses_an_unknown_framework" {
  command         = plan
  expect_failures = [var.image]

  module {
    source = "./tests/rules"
  }

  variables {
    image = { framework = "caffe", version = "1.0.0" }
  }
}

run "refuses_half_a_version" {
  command         = plan
  expect_failures = [var.image]

  module {
    source = "./tests/rules"
  }

  variables {
    image = { framework = "pytorch", version = "2.6" }
  }
}

run "refuses_an_unknown_processor" {
  command         = plan
  expect_failures = [var.image]

  module {
    source = "./tests/rules"
  }

  variables {
    image = { framework = "pytorch", version = "2.6.0", processor = "tpu" }
  }
}

run "refuses_a_python_that_is_no_tag" {
  command         = plan
  expect_failures = [var.image]

  module {
    source = "./tests/rules"
  }

  variables {
    image = { framework = "pytorch", version = "2.6.0", python = "3.12" }
  }
}

run "refuses_an_image_outside_ecr" {
  command         = plan
  expect_failures = [var.image]

  module {
    source = "./tests/rules"
  }

  variables {
    image = { uri = "docker.io/pytorch/pytorch:latest" }
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

run "refuses_bodies_above_one_gigabyte" {
  command         = plan
  expect_failures = [var.serving]

  module {
    source = "./tests/rules"
  }

  variables {
    serving = { max_request_bytes = 1073741825 }
  }
}

run "refuses_a_program_that_is_not_python" {
  command         = plan
  expect_failures = [var.serving]

  module {
    source = "./tests/rules"
  }

  variables {
    serving = { program = "serve.sh" }
  }
}

run "refuses_no_workers" {
  command         = plan
  expect_failures = [var.serving]

  module {
    source = "./tests/rules"
  }

  variables {
    serving = { workers = 0 }
  }
}

run "refuses_more_than_an_hour" {
  command         = plan
  expect_failures = [var.serving]

  module {
    source = "./tests/rules"
  }

  variables {
    serving = { timeout_seconds = 3601 }
  }
}
