variable "region" {
  description = "AWS region of the bucket."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}
