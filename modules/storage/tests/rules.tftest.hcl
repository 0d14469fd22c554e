# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  name = "shop-test"
}

run "refuses_logs_of_a_bucket_that_is_brought" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = {
      access_logs = { destination = { bucket_name = "team-logs" } }
      existing    = { bucket = { name = "team-data" } }
    }
  }
}

run "refuses_a_key_that_serves_every_endpoint_of_the_account" {
  command         = plan
  expect_failures = [var.endpoint_names]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_names = ["*"]
  }
}

run "refuses_a_bucket_by_its_uri" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { existing = { bucket = { name = "s3://team-data" } } }
  }
}

run "refuses_half_a_day" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { expire_after_days = { input = 0.5 } }
  }
}

run "refuses_a_key_that_is_gone_in_six_days" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { key_deletion_window_days = 6 }
  }
}

run "refuses_a_key_by_its_alias" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { existing = { key = { arn = "alias/team" } } }
  }
}

run "refuses_a_name_that_is_too_long" {
  command         = plan
  expect_failures = [var.name]

  module {
    source = "./tests/rules"
  }

  variables {
    name = "a-name-of-more-than-thirty-five-characters"
  }
}

run "refuses_a_prefix_without_a_slash" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { prefixes = { input = "input" } }
  }
}

run "refuses_outputs_below_inputs" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { prefixes = { input = "data/", output = "data/output/" } }
  }
}

run "refuses_one_prefix_for_two" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { prefixes = { failure = "results/", output = "results/" } }
  }
}

run "refuses_a_reader_with_a_space" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { readers = { "the analysts" = { principal_arns = ["arn:aws:iam::210987654321:root"] } } }
  }
}

run "refuses_everybody_as_a_reader" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { readers = { All = { principal_arns = ["*"] } } }
  }
}

run "refuses_a_reader_of_what_is_not_there" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { readers = { Analysts = { principal_arns = ["arn:aws:iam::210987654321:root"], reads = ["capture"] } } }
  }
}

run "refuses_a_reader_of_signing_secrets" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { readers = { Analysts = { principal_arns = ["arn:aws:iam::210987654321:root"], reads = ["credentials"] } } }
  }
}

run "refuses_a_fifo_topic" {
  command         = plan
  expect_failures = [var.topic_arns]

  module {
    source = "./tests/rules"
  }

  variables {
    topic_arns = ["arn:aws:sns:eu-west-1:123456789012:team-results.fifo"]
  }
}

run "refuses_an_address_as_the_name_of_a_bucket" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names   = { bucket = "s3://team-data" }
    storage = { bucket_settings = [] }
  }
}

run "refuses_a_bucket_that_is_both_imported_and_supplied" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names   = { bucket = "team-data" }
    storage = { existing = { bucket = { name = "team-data" } } }
  }
}

run "refuses_a_bucket_of_which_nothing_is_stated" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { bucket = "team-data" }
  }
}

run "refuses_an_unknown_setting_of_the_bucket" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { bucket_settings = ["tags"] }
  }
}

run "refuses_settings_of_a_bucket_that_is_supplied" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { bucket_settings = [], existing = { bucket = { name = "team-data" } } }
  }
}

run "refuses_readers_without_a_policy" {
  command         = plan
  expect_failures = [var.storage]

  module {
    source = "./tests/rules"
  }

  variables {
    storage = { bucket_settings = ["versioning"], readers = { Analysts = { principal_arns = ["arn:aws:iam::210987654321:root"] } } }
  }
}

run "refuses_to_empty_a_bucket_that_existed_before" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names   = { bucket = "team-data" }
    storage = { bucket_settings = [], force_destroy = true }
  }
}
