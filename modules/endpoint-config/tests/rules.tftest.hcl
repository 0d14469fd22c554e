# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  inference = {
    async = { failure_uri = "s3://shop/failure/", output_uri = "s3://shop/output/" }
  }
  name     = "shop-test"
  variants = { primary = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc" } }
}

run "refuses_no_choice" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {}
  }
}

run "refuses_two_choices" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      async     = { failure_uri = "s3://shop/failure/", output_uri = "s3://shop/output/" }
      real_time = {}
    }
  }
}

run "refuses_an_output_uri_that_is_no_prefix" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      async = { failure_uri = "s3://shop/failure/", output_uri = "s3://shop/output" }
    }
  }
}

run "refuses_outputs_among_failures" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      async = { failure_uri = "s3://shop/results/", output_uri = "s3://shop/results/output/" }
    }
  }
}

run "refuses_a_response_elsewhere" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      async = { failure_uri = "s3://shop/failure/", output_uri = "s3://shop/output/", include_response_in = ["EMAIL"] }
    }
  }
}

run "refuses_a_response_to_no_topic" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      async = { failure_uri = "s3://shop/failure/", output_uri = "s3://shop/output/", topic_arns = { error = "arn:aws:sns:eu-west-1:123456789012:e" } }
    }
  }
}

run "refuses_the_name_of_a_topic" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      async = { failure_uri = "s3://shop/failure/", output_uri = "s3://shop/output/", topic_arns = { error = "errors", success = "arn:aws:sns:eu-west-1:123456789012:s" } }
    }
  }
}

run "refuses_too_many_invocations_at_once" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      async = { failure_uri = "s3://shop/failure/", output_uri = "s3://shop/output/", max_concurrent_invocations = 1001 }
    }
  }
}

run "refuses_capture_to_a_bucket" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      real_time = { data_capture = { uri = "s3://shop" } }
    }
  }
}

run "refuses_to_capture_more_than_all" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      real_time = { data_capture = { sampling_percent = 101, uri = "s3://shop/capture/" } }
    }
  }
}

run "refuses_to_capture_neither_input_nor_output" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      real_time = { data_capture = { modes = [], uri = "s3://shop/capture/" } }
    }
  }
}

run "refuses_an_eleventh_content_type" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      real_time = { data_capture = { csv_content_types = [for number in range(11) : "text/csv${number}"], uri = "s3://shop/capture/" } }
    }
  }
}

run "refuses_half_a_gigabyte" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      serverless = { max_concurrency = 1, memory_mb = 512 }
    }
    variants = { primary = { model_name = "shop-test-abc" } }
  }
}

run "refuses_too_many_at_once_without_a_server" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      serverless = { max_concurrency = 201, memory_mb = 1024 }
    }
    variants = { primary = { model_name = "shop-test-abc" } }
  }
}

run "refuses_more_provisioned_than_allowed" {
  command         = plan
  expect_failures = [var.inference]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      serverless = { max_concurrency = 2, memory_mb = 1024, provisioned_concurrency = 3 }
    }
    variants = { primary = { model_name = "shop-test-abc" } }
  }
}

run "refuses_an_alias_for_a_key" {
  command         = plan
  expect_failures = [var.encryption]

  module {
    source = "./tests/rules"
  }

  variables {
    encryption = { kms_key_arn = "alias/shop" }
  }
}

run "refuses_a_name_without_room_for_a_suffix" {
  command         = plan
  expect_failures = [var.name]

  module {
    source = "./tests/rules"
  }

  variables {
    name = "a-name-of-thirty-seven-characters-xyz"
  }
}

run "refuses_an_eleventh_variant" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = { real_time = {} }
    variants  = { for number in range(11) : "v${number}" => { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc" } }
  }
}

run "refuses_two_variants_of_an_asynchronous_endpoint" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    variants = {
      a = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc" }
      b = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc" }
    }
  }
}

run "refuses_a_variant_name_with_an_underscore" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = { real_time = {} }
    variants = {
      a_b = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc" }
    }
  }
}

run "refuses_a_shadow_of_an_asynchronous_variant" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    variants = {
      live  = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc" }
      tried = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", shadow = true }
    }
  }
}

run "refuses_two_shadows" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = { real_time = {} }
    variants = {
      a = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc" }
      b = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", shadow = true }
      c = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", shadow = true }
    }
  }
}

run "refuses_an_instance_type_without_a_server" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      serverless = { max_concurrency = 1, memory_mb = 1024 }
    }
  }
}

run "refuses_to_log_in_to_an_instance_that_is_none" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = {
      serverless = { max_concurrency = 1, memory_mb = 1024 }
    }
    variants = { primary = { model_name = "shop-test-abc", enable_ssm_access = true } }
  }
}

run "refuses_an_instance_type_of_ec2" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    variants = { primary = { instance_type = "m5.xlarge", model_name = "shop-test-abc" } }
  }
}

run "refuses_to_begin_with_no_instance" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    variants = { primary = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", initial_instances = 0 } }
  }
}

run "refuses_less_than_a_minute_to_start" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    variants = { primary = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", startup_timeout_seconds = 59 } }
  }
}

run "refuses_a_volume_that_is_too_large" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    variants = { primary = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", volume_size_gb = 513 } }
  }
}

run "refuses_to_answer_nothing" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = { real_time = {} }
    variants = {
      a = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", weight = 0 }
    }
  }
}

run "refuses_a_weight_that_is_read_back_as_another" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    inference = { real_time = {} }
    variants = {
      a = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", weight = 0.9 }
      b = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", weight = 0.1 }
    }
  }
}

run "refuses_to_route_a_queue" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    variants = { primary = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", routing_strategy = "RANDOM" } }
  }
}

run "refuses_an_image_of_another_purpose" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    variants = { primary = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", inference_ami_version = "al2023" } }
  }
}

run "refuses_core_dumps_in_a_bucket" {
  command         = plan
  expect_failures = [var.variants]

  module {
    source = "./tests/rules"
  }

  variables {
    variants = { primary = { instance_type = "ml.m5.xlarge", model_name = "shop-test-abc", core_dump_uri = "s3://shop" } }
  }
}
