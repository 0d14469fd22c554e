# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  environment = "test"
  name        = "shop"
  model       = { containers = [{ archive = { s3_uri = "s3://models/shop/model.tar.gz" }, image = { framework = "pytorch", version = "2.6.0" } }] }
}

run "refuses_a_request_to_wait_too_long" {
  command         = plan
  expect_failures = [var.endpoint]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint = { request_ttl_seconds = 21601 }
  }
}

run "refuses_an_environment_with_a_hyphen" {
  command         = plan
  expect_failures = [var.environment]

  module {
    source = "./tests/rules"
  }

  variables {
    environment = "pre-prod"
  }
}

run "refuses_a_multi_model_container" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    model = { containers = [{ image = { framework = "pytorch", version = "2.6.0" }, multi_model = {} }] }
  }
}

run "refuses_a_package_of_marketplace" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    model = {
      containers = [{
        model_package = {
          arn       = "arn:aws:sagemaker:eu-west-1:985815980388:model-package/gpt2-73b575105d336b680d151277ebe4ee0"
          image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/gpt2:1"
        }
      }]
    }
  }
}

run "refuses_a_package_whose_image_the_role_cannot_pull" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    model = { containers = [{ model_package = { arn = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/shop/1" } }] }
  }
}

run "refuses_an_image_of_marketplace" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    model = { containers = [{ image = { uri = "985815980388.dkr.ecr.eu-west-1.amazonaws.com/gpt2:1" } }] }
  }
}

run "refuses_an_image_for_another_processor" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint = { instance_type = "ml.c7g.xlarge" }
  }
}

run "refuses_direct_invocation" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    model = {
      containers = [for hostname in ["wash", "dry"] : { hostname = hostname, image = { framework = "pytorch", version = "2.6.0" } }]
      invocation = "direct"
    }
  }
}

run "refuses_updates_that_nothing_takes_back" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { rollback_on = [] }
  }
}

run "refuses_to_take_an_update_back_for_a_backlog" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { rollback_on = ["backlog"] }
  }
}

run "refuses_to_take_an_update_back_by_an_alarm_that_is_not_made" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { rollback_on = ["model_latency"] }
    monitoring = { alarms = { model_latency = { enabled = false } } }
  }
}

run "refuses_to_judge_new_instances_by_their_utilization" {
  command         = plan
  expect_failures = [var.guardrails]

  module {
    source = "./tests/rules"
  }

  variables {
    guardrails = { new_fleet_only = true, rollback_on = ["memory", "server_errors"] }
  }
}

run "refuses_a_name_that_is_too_long" {
  command         = plan
  expect_failures = [var.name]

  module {
    source = "./tests/rules"
  }

  variables {
    name = "a-name-of-twenty-three-"
  }
}

run "refuses_settings_of_storage_that_is_shared" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = {
      force_destroy = true
      shared = {
        bucket_arn     = "arn:aws:s3:::shop"
        bucket_name    = "shop"
        endpoint_names = ["*-test"]
        kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/own"
        prefixes       = { credentials = "credentials/", failure = "failure/", input = "input/", model = "model/", output = "output/", predictions = "predictions/" }
        topic_arns     = []
      }
    }
  }
}

run "refuses_shared_storage_whose_key_does_not_serve_the_endpoint" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = {
      shared = {
        bucket_arn     = "arn:aws:s3:::shop"
        bucket_name    = "shop"
        endpoint_names = ["*-prod", "shop"]
        kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/own"
        prefixes       = { credentials = "credentials/", failure = "failure/", input = "input/", model = "model/", output = "output/", predictions = "predictions/" }
        topic_arns     = []
      }
    }
  }
}

run "refuses_topics_that_the_key_of_shared_storage_does_not_serve" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    notifications = { topics = { error = { arn = "arn:aws:sns:eu-west-1:123456789012:team-errors" } } }
    storage = {
      shared = {
        bucket_arn     = "arn:aws:s3:::shop"
        bucket_name    = "shop"
        endpoint_names = ["*-test"]
        kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/own"
        prefixes       = { credentials = "credentials/", failure = "failure/", input = "input/", model = "model/", output = "output/", predictions = "predictions/" }
        topic_arns     = []
      }
    }
  }
}

run "refuses_an_underscore_in_the_name_of_an_endpoint" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { endpoint = "my_endpoint" }
  }
}

run "refuses_results_without_the_key_in_a_bucket_that_has_it" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { encrypt_results = false }
  }
}

run "refuses_the_name_of_a_bucket_beside_shared_storage" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { bucket = "team-data" }
    storage = {
      shared = {
        bucket_arn     = "arn:aws:s3:::shop"
        bucket_name    = "shop"
        endpoint_names = ["*-test"]
        kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/own"
        prefixes       = { credentials = "credentials/", failure = "failure/", input = "input/", model = "model/", output = "output/", predictions = "predictions/" }
        topic_arns     = []
      }
    }
  }
}
