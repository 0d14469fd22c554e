variable "availability_zones" {
  description = "Availability zones of the subnets, in order; the first subnet_count of the region when none are given."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.availability_zones) != 1 && length(var.availability_zones) <= 6 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "Variable availability_zones must hold 2 to 6 different zones, or none: in a single one an endpoint does not outlive the zone."
  }
}

variable "cidr_block" {
  description = "Addresses of the VPC, shared out to its subnets. Each instance takes one, and a blue/green update as many again."
  type        = string
  default     = "10.20.0.0/22"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr_block)) && can(regex("/(1[6-9]|2[0-5])$", var.cidr_block))
    error_message = "Variable cidr_block must be a block of IPv4 addresses from /16 to /25, such as 10.20.0.0/22, so that every subnet is at least a /28."
  }
}

variable "egress" {
  description = "What else containers may reach over TCP, by description: a port of addresses, of a prefix list or of a security group, such as a private registry. The way there (peering, transit gateway, NAT) is yours."
  type = map(object({
    cidr_ipv4         = optional(string)
    port              = optional(number, 443)
    prefix_list_id    = optional(string)
    security_group_id = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for rule in var.egress : length([for target in [rule.cidr_ipv4, rule.prefix_list_id, rule.security_group_id] : true if target != null]) == 1
    ])
    error_message = "Each of egress must have exactly one of cidr_ipv4, prefix_list_id and security_group_id."
  }

  validation {
    condition     = alltrue([for rule in var.egress : can(cidrnetmask(rule.cidr_ipv4)) if rule.cidr_ipv4 != null])
    error_message = "Field cidr_ipv4 of egress must be a block of IPv4 addresses, such as 10.1.0.0/16."
  }

  validation {
    condition     = alltrue([for rule in var.egress : rule.port >= 1 && rule.port <= 65535 && floor(rule.port) == rule.port])
    error_message = "Field port of egress must be from 1 to 65535."
  }

  validation {
    condition     = alltrue([for description in keys(var.egress) : can(regex("^[a-zA-Z0-9. _:/()#,@\\[\\]+=&;{}!$*-]{1,255}$", description))])
    error_message = "Descriptions in egress must be 1 to 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*, the characters Amazon EC2 accepts."
  }
}

variable "flow_logs" {
  description = "Whether to log who speaks to whom in the VPC, for how many days, and the key that encrypts the log."
  type = object({
    enabled        = optional(bool, true)
    kms_key_arn    = optional(string)
    retention_days = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.flow_logs.retention_days)
    error_message = "Field flow_logs.retention_days must be a retention Amazon CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731 days."
  }
}

variable "interface_services" {
  description = "AWS services, beside Amazon S3, that the code in the containers calls itself, such as ecr.api and ecr.dkr, kms, lambda, logs, monitoring, sns, sqs, sts. Each is an interface endpoint that costs by the hour in each zone. Amazon SageMaker pulls images, writes logs and results and publishes without them."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for service in var.interface_services : can(regex("^[a-z0-9][a-z0-9.-]*[a-z0-9]$", service))])
    error_message = "Variable interface_services must hold names as in com.amazonaws.region.name, such as ecr.api, logs or sts, without what stands before."
  }

  validation {
    condition     = !contains(var.interface_services, "s3")
    error_message = "Leave s3 out of interface_services: its gateway endpoint is always there, and costs nothing."
  }

  validation {
    condition     = contains(var.interface_services, "ecr.api") == contains(var.interface_services, "ecr.dkr")
    error_message = "Give ecr.api and ecr.dkr together: one logs in, the other pulls (Amazon ECR guide, interface VPC endpoints)."
  }
}

variable "name" {
  description = "Name of the VPC and prefix of the names of what is in it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,48}[a-zA-Z0-9]$", var.name))
    error_message = "Variable name must be 2 to 50 letters, digits and hyphens, so that the names made from it stay within 63 characters."
  }
}

variable "s3_bucket_arns" {
  description = "Buckets that may be reached through the endpoint of Amazon S3; all buckets when none are given."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.s3_bucket_arns : can(regex("^arn:[a-z-]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", arn))])
    error_message = "Variable s3_bucket_arns must hold ARNs of buckets, as arn:aws:s3:::bucket, without keys: rights to single prefixes are the execution role's."
  }
}

variable "subnet_count" {
  description = "How many subnets to make, each in a zone of its own, when availability_zones are not given."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.subnet_count >= 2 && var.subnet_count <= 6 && floor(var.subnet_count) == var.subnet_count
    error_message = "Variable subnet_count must be from 2 to 6: with one, an endpoint does not outlive the availability zone."
  }
}
