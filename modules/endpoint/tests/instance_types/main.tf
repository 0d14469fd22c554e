variable "types" {
  type = list(string)
}

output "with_nvme" {
  value = [for type in var.types : type if can(regex(local._nvme_pattern, type))]
}
