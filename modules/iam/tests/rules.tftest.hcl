# One run for each rule of variables.tf. Module tests/rules is that file and nothing else, so that no provider is started.
variables {
  name              = "shop-test"
  endpoint_arn      = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop-test"
  execution_role    = { arn = "arn:aws:iam::123456789012:role/shop-test-eu-west-1-execution" }
  results_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:shop-test-results"
  storage = {
    bucket_arn  = "arn:aws:s3:::shop"
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/own"
    prefixes    = { failure = "failure/", input = "input/", output = "output/" }
  }
  topic_arns = {
    error   = "arn:aws:sns:eu-west-1:123456789012:shop-test-error"
    success = "arn:aws:sns:eu-west-1:123456789012:shop-test-success"
  }
}

run "refuses_every_boundary" {
  command         = plan
  expect_failures = [var.execution_role]

  module {
    source = "./tests/rules"
  }

  variables {
    execution_role = { arn = "arn:aws:iam::123456789012:role/shop-test-eu-west-1-execution", permissions_boundary_arn = "arn:aws:iam::123456789012:policy/*" }
  }
}

run "refuses_every_endpoint" {
  command         = plan
  expect_failures = [var.endpoint_arn]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_arn = "arn:aws:sagemaker:*:*:endpoint/*"
  }
}

run "refuses_a_pattern_of_endpoints" {
  command         = plan
  expect_failures = [var.endpoint_arn]

  module {
    source = "./tests/rules"
  }

  variables {
    endpoint_arn = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop-*"
  }
}

run "refuses_to_pass_every_role" {
  command         = plan
  expect_failures = [var.execution_role]

  module {
    source = "./tests/rules"
  }

  variables {
    execution_role = { arn = "arn:aws:iam::123456789012:role/*" }
  }
}

run "refuses_every_repository" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["*"] } } }
  }
}

run "refuses_every_repository_of_an_owner" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["repo:shop/*:ref:refs/heads/main"] } } }
  }
}

run "refuses_every_workflow_of_a_repository" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["repo:shop/models:ref:refs/heads/main", "repo:shop/models:*"] } } }
  }
}

run "refuses_every_branch" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["repo:shop/models:ref:refs/heads/*"] } } }
  }
}

run "refuses_every_ref_that_begins_alike" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["repo:shop/models:ref:refs/heads/main", "repo:shop/models:r*"] } } }
  }
}

run "refuses_a_branch_by_its_end" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["repo:shop/models:ref:refs/heads/main", "repo:shop/models:*main"] } } }
  }
}

run "refuses_branches_by_a_letter" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["repo:shop/models:ref:refs/heads/main", "repo:shop/models:ref:refs/heads/m*"] } } }
  }
}

run "refuses_every_tag" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["repo:shop/models:ref:refs/heads/main", "repo:shop/models:ref:refs/tags/*"] } } }
  }
}

run "refuses_a_pattern_of_environments" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["repo:shop/models:ref:refs/heads/main", "repo:shop/models:environment:prod*"] } } }
  }
}

run "refuses_a_single_character_wildcard" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["repo:shop/models:ref:refs/heads/main", "repo:shop/models:ref:refs/heads/mai?"] } } }
  }
}

run "refuses_a_wildcard_inside" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["repo:shop/models:ref:refs/heads/main", "repo:shop/models:ref:refs/*/main"] } } }
  }
}

run "refuses_another_claim" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { subjects = ["repo:shop/models:ref:refs/heads/main", "repo:shop/models:job_workflow_ref:shop/models/.github/workflows/deploy.yml@refs/heads/main"] } } }
  }
}

run "refuses_pull_requests_that_deploy" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { deployer = { subjects = ["repo:shop/models:pull_request"] } } }
  }
}

run "accepts_whole_refs_environments_and_words_with_a_wildcard" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    access = {
      github = {
        deployer = { subjects = ["repo:shop/models:environment:prod", "repo:shop@123/models@456:environment:prod"] }
        planner = {
          subjects = [
            "repo:shop/models:environment:prod", "repo:shop/models:pull_request", "repo:shop/models:ref:refs/heads/hotfix/*",
            "repo:shop/models:ref:refs/heads/main", "repo:shop/models:ref:refs/heads/release-*", "repo:shop/models:ref:refs/tags/v*",
            "repo:shop@123/models@456:pull_request",
          ]
        }
      }
    }
  }
}

run "refuses_a_branch_that_deploys" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { deployer = { subjects = ["repo:shop/models:environment:dev", "repo:shop/models:ref:refs/heads/main"] } } }
  }
}

run "refuses_a_tag_that_deploys" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { deployer = { subjects = ["repo:shop/models:environment:dev", "repo:shop/models:ref:refs/tags/v1"] } } }
  }
}

run "refuses_every_environment_that_deploys" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { deployer = { subjects = ["repo:shop/models:environment:dev", "repo:shop/models:environment:*"] } } }
  }
}

run "refuses_environments_of_another_repository_that_deploys" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { deployer = { subjects = ["repo:shop/models:environment:dev", "repo:shop/mod*:environment:prod"] } } }
  }
}

run "refuses_every_branch_that_deploys" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { deployer = { refs = ["refs/heads/*"], subjects = ["repo:shop/models:environment:dev"] } } }
  }
}

run "refuses_unknown_policies_of_github" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { deployer = { policies = ["administrator"], subjects = ["repo:shop/models:environment:prod"] } } }
  }
}

run "refuses_a_deployer_without_policies" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { deployer = { policies = [], subjects = ["repo:shop/models:environment:prod"] } } }
  }
}

run "refuses_every_policy_of_elsewhere" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { policy_arns = { state = "arn:aws:iam::123456789012:policy/*" }, subjects = ["repo:shop/models:pull_request"] } } }
  }
}

run "refuses_a_policy_by_its_name" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { deployer = { policy_arns = { state = "state-dev-deployer" }, subjects = ["repo:shop/models:environment:dev"] } } }
  }
}

run "refuses_more_policies_than_a_role_may_have" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { planner = { policy_arns = { for number in range(10) : "p${number}" => "arn:aws:iam::123456789012:policy/p${number}" }, subjects = ["repo:shop/models:pull_request"] } } }
  }
}

run "refuses_another_provider" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = {
      github = {
        deployer     = { subjects = ["repo:shop/models:environment:prod"] }
        provider_arn = "arn:aws:iam::123456789012:oidc-provider/example.com"
      }
    }
  }
}

run "refuses_long_sessions" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { github = { deployer = { session_seconds = 86400, subjects = ["repo:shop/models:environment:prod"] } } }
  }
}

run "refuses_a_policy_of_an_api_that_does_not_exist" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { managed_policies = ["api_admin"] }
  }
}

run "refuses_unknown_policies" {
  command         = plan
  expect_failures = [var.access]

  module {
    source = "./tests/rules"
  }

  variables {
    access = { managed_policies = ["administrator"] }
  }
}

run "refuses_a_name_with_a_wildcard" {
  command         = plan
  expect_failures = [var.name]

  module {
    source = "./tests/rules"
  }

  variables {
    name = "shop-*"
  }
}

run "refuses_a_wildcard_in_a_name" {
  command         = plan
  expect_failures = [var.names]

  module {
    source = "./tests/rules"
  }

  variables {
    names = { wake_alarm = "*" }
  }
}
