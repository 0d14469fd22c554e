# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  name           = "shop-test"
  endpoint_names = ["shop-test"]
  containers     = [{ image_uri = "serve:1", model_data_url = "s3://models/shop/model.tar.gz", archive = {} }]
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
    containers = [for place in range(16) : { image_uri = "serve:1" }]
  }
}

run "refuses_a_hostname_for_some_only" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image_uri = "serve:1", hostname = "wash" }, { image_uri = "serve:1" }]
  }
}

run "refuses_a_hostname_given_twice" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image_uri = "serve:1", hostname = "wash" }, { image_uri = "serve:1", hostname = "wash" }]
  }
}

run "refuses_two_multi_model_containers" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image_uri = "serve:1", multi_model = {} }, { image_uri = "serve:1", multi_model = {} }]
  }
}

run "refuses_a_private_registry_without_vpc" {
  command         = plan
  expect_failures = [var.network]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image_uri = "registry.example.com/serve:1", private_registry = {} }]
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
    containers = [{ image_uri = "serve:1" }, { image_uri = "serve:1" }]
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
    containers = [{ image_uri = "serve:1" }, { image_uri = "serve:1" }]
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
    containers = [{ image_uri = "serve:1", hostname = "wash", multi_model = {} }, { image_uri = "serve:1", hostname = "dry" }]
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
    name = "a-name-of-40-characters-leaves-no-room-x"
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
    containers = [{ image_uri = "serve:1", archive = { path = "./tests/archive.tar.gz" } }]
  }
}

run "refuses_a_container_that_module_container_did_not_compute" {
  command         = plan
  expect_failures = [var.containers]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image = { framework = "pytorch", version = "2.6.0" } }]
  }
}

run "refuses_eleven_tags_on_an_uploaded_archive" {
  command         = plan
  expect_failures = [var.tags]

  module {
    source = "./tests/rules"
  }

  variables {
    containers = [{ image_uri = "serve:1", archive = { path = "./tests/archive.tar.gz" } }]
    tags       = { for number in range(11) : "tag-${number}" => "x" }
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

run "refuses_two_boundaries" {
  command         = plan
  expect_failures = [var.model]

  module {
    source = "./tests/rules"
  }

  variables {
    model = { role = { create_boundary = true, permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary" } }
  }
}

run "refuses_core_dumps_in_any_bucket" {
  command         = plan
  expect_failures = [var.core_dump_uris]

  module {
    source = "./tests/rules"
  }

  variables {
    core_dump_uris = ["s3://*/core-dumps/"]
  }
}

run "refuses_an_arn_as_the_name_of_a_role" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { role = "arn:aws:iam::123456789012:role/ml" }
  }
}

run "refuses_a_role_that_is_both_imported_and_supplied" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    model = { role = { existing = { arn = "arn:aws:iam::123456789012:role/shop" } } }
    names = { role = "shop" }
  }
}
