variable "bucket" {
  description = "Name of the bucket; empty gives terraform-state-<account>-<region>."
  type        = string
  default     = ""
  nullable    = false
}

variable "environments" {
  description = "Environments to generate policies for."
  type        = set(string)
  default     = ["dev", "prod", "staging"]
  nullable    = false
}

variable "region" {
  description = "AWS region of the bucket."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}
