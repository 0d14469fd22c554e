locals {
  # Families with local NVMe storage: those with d among their attributes (m5d, c6id, g4dn, p4de), and a few others (Amazon EC2
  # instance types, "Instance store specifications"). The same pattern as in scripts/async_endpoint/core/hosting_rules.py.
  _nvme_pattern = "^ml\\.(?:[a-z]+[0-9]+[a-z]*d[a-z]*|dl1|gr?[5-7][a-z]*|p5[a-z]*|p6[a-z]*-[a-z0-9]+|trn[12][a-z]*)\\."

  # CPUUtilization and GPUUtilization add up over cores and GPUs (four busy cores are 400 %), so thresholds need their number. A size
  # of Nxlarge has 4 N virtual CPUs; these sizes and types differ.
  _small_sizes = { medium = 1, large = 2, xlarge = 4 }
  _exceptions  = { "ml.t2.medium" = 2, "ml.c4.8xlarge" = 36 }

  # GPUs by family and size (EC2 documentation, accelerated computing instances); other sizes have one.
  _gpu_pattern = "^ml\\.(?:p|gr?)[0-9]"
  _gpus = {
    "g4dn"    = { "12xlarge" = 4 }
    "g5"      = { "12xlarge" = 4, "24xlarge" = 4, "48xlarge" = 8 }
    "g6"      = { "12xlarge" = 4, "24xlarge" = 4, "48xlarge" = 8 }
    "g6e"     = { "12xlarge" = 4, "24xlarge" = 4, "48xlarge" = 8 }
    "p2"      = { "8xlarge" = 8, "16xlarge" = 16 }
    "p3"      = { "8xlarge" = 4, "16xlarge" = 8 }
    "p3dn"    = { "24xlarge" = 8 }
    "p4d"     = { "24xlarge" = 8 }
    "p4de"    = { "24xlarge" = 8 }
    "p5"      = { "48xlarge" = 8 }
    "p5e"     = { "48xlarge" = 8 }
    "p5en"    = { "48xlarge" = 8 }
    "p6-b200" = { "48xlarge" = 8 }
  }

  hardware = {
    for type in local._instance_types : type => {
      gpus = can(regex(local._gpu_pattern, type)) ? try(local._gpus[split(".", type)[1]][split(".", type)[2]], 1) : 0
      nvme = can(regex(local._nvme_pattern, type))
      vcpus = try(
        local._exceptions[type], local._small_sizes[split(".", type)[2]], 4 * tonumber(trimsuffix(split(".", type)[2], "xlarge")), null
      )
    }
  }
}
