# Module tests/instance_types is instance_types.tf and nothing else, so that no provider is started.
run "families_with_local_storage" {
  command = plan

  module {
    source = "./tests/instance_types"
  }

  variables {
    types = [
      "ml.c5d.xlarge", "ml.c6id.xlarge", "ml.dl1.24xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge", "ml.g6.xlarge", "ml.g6e.xlarge",
      "ml.g7.2xlarge", "ml.g7e.2xlarge", "ml.gr6.4xlarge", "ml.p6-b300.48xlarge", "ml.p6e-gb200.36xlarge",
      "ml.m5d.xlarge", "ml.m5dn.xlarge", "ml.p3dn.24xlarge", "ml.p4d.24xlarge", "ml.p4de.24xlarge", "ml.p5.48xlarge",
      "ml.p5en.48xlarge", "ml.p6-b200.48xlarge", "ml.r5d.xlarge", "ml.r6gd.xlarge", "ml.trn1.2xlarge", "ml.trn1n.32xlarge",
    ]
  }

  assert {
    condition     = join(" ", output.with_nvme) == join(" ", var.types)
    error_message = "All of these have local NVMe storage; SageMaker refuses a key on them."
  }
}

run "families_without" {
  command = plan

  module {
    source = "./tests/instance_types"
  }

  variables {
    types = [
      "ml.c5.xlarge", "ml.c5n.xlarge", "ml.c6i.xlarge", "ml.c7g.xlarge", "ml.inf1.xlarge", "ml.inf2.xlarge", "ml.m4.xlarge",
      "ml.m5.xlarge", "ml.m6g.xlarge", "ml.m7i.xlarge", "ml.p2.xlarge", "ml.p3.2xlarge", "ml.r5.xlarge", "ml.t2.medium",
    ]
  }

  assert {
    condition     = length(output.with_nvme) == 0
    error_message = "These instance types have a separate volume; without the key, an AWS managed key would encrypt it."
  }
}

run "cores_and_gpus" {
  command = plan

  module {
    source = "./tests/instance_types"
  }

  variables {
    types = [
      "ml.t2.medium", "ml.t2.large", "ml.m5.large", "ml.m5.xlarge", "ml.m5.12xlarge", "ml.c4.8xlarge", "ml.c5.18xlarge", "ml.m8g.medium",
      "ml.g4dn.xlarge", "ml.g4dn.12xlarge", "ml.g5.16xlarge", "ml.g5.48xlarge", "ml.p3.8xlarge", "ml.p4d.24xlarge", "ml.inf2.xlarge",
    ]
  }

  assert {
    condition     = join(" ", output.vcpus) == "2 2 2 4 48 36 72 1 4 48 64 192 32 96 4"
    error_message = "CPUUtilization adds up over virtual CPUs: their number must be EC2's."
  }

  assert {
    condition     = join(" ", output.gpus) == "0 0 0 0 0 0 0 0 1 4 1 8 4 8 0"
    error_message = "GPUUtilization adds up over GPUs: their number must be EC2's."
  }
}
