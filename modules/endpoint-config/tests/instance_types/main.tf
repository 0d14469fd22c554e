variable "types" {
  type = list(string)
}

locals {
  _instance_types = toset(var.types)
}

output "gpus" {
  value = [for type in var.types : local.hardware[type].gpus]
}

output "vcpus" {
  value = [for type in var.types : local.hardware[type].vcpus]
}

output "with_nvme" {
  value = [for type in var.types : type if local.hardware[type].nvme]
}
