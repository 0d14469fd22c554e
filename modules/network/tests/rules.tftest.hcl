# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  name = "shop-test"
}

run "refuses_a_single_zone" {
  command         = plan
  expect_failures = [var.availability_zones]

  module {
    source = "./tests/rules"
  }

  variables {
    availability_zones = ["eu-west-1a"]
  }
}

run "refuses_a_block_that_is_too_small" {
  command         = plan
  expect_failures = [var.cidr_block]

  module {
    source = "./tests/rules"
  }

  variables {
    cidr_block = "10.20.0.0/26"
  }
}

run "refuses_egress_to_nowhere" {
  command         = plan
  expect_failures = [var.egress]

  module {
    source = "./tests/rules"
  }

  variables {
    egress = { registry = {} }
  }
}

run "refuses_egress_to_a_name" {
  command         = plan
  expect_failures = [var.egress]

  module {
    source = "./tests/rules"
  }

  variables {
    egress = { registry = { cidr_ipv4 = "registry.example.com" } }
  }
}

run "refuses_egress_on_no_port" {
  command         = plan
  expect_failures = [var.egress]

  module {
    source = "./tests/rules"
  }

  variables {
    egress = { registry = { cidr_ipv4 = "10.1.0.0/24", port = 0 } }
  }
}

run "refuses_egress_with_a_question_mark" {
  command         = plan
  expect_failures = [var.egress]

  module {
    source = "./tests/rules"
  }

  variables {
    egress = { "registry?" = { cidr_ipv4 = "10.1.0.0/24" } }
  }
}

run "refuses_flow_logs_for_two_days" {
  command         = plan
  expect_failures = [var.flow_logs]

  module {
    source = "./tests/rules"
  }

  variables {
    flow_logs = { retention_days = 2 }
  }
}

run "refuses_a_service_by_its_host" {
  command         = plan
  expect_failures = [var.interface_services]

  module {
    source = "./tests/rules"
  }

  variables {
    interface_services = ["https://sts.amazonaws.com"]
  }
}

run "refuses_an_interface_endpoint_of_s3" {
  command         = plan
  expect_failures = [var.interface_services]

  module {
    source = "./tests/rules"
  }

  variables {
    interface_services = ["s3"]
  }
}

run "refuses_half_of_ecr" {
  command         = plan
  expect_failures = [var.interface_services]

  module {
    source = "./tests/rules"
  }

  variables {
    interface_services = ["ecr.api"]
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

run "refuses_a_bucket_by_its_name" {
  command         = plan
  expect_failures = [var.s3_bucket_arns]

  module {
    source = "./tests/rules"
  }

  variables {
    s3_bucket_arns = ["shop"]
  }
}

run "refuses_a_single_subnet" {
  command         = plan
  expect_failures = [var.subnet_count]

  module {
    source = "./tests/rules"
  }

  variables {
    subnet_count = 1
  }
}
