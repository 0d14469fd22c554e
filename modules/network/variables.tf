variable "availability_zones" {
  description = "Availability zones of the subnets, in order: 2 to 6; empty takes the first subnet_count zones of the region."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.availability_zones) != 1 && length(var.availability_zones) <= 6 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "Variable availability_zones must hold 2 to 6 different zones, or none: in a single zone the endpoint fails with that zone."
  }
}

variable "cidr_block" {
  description = "IPv4 addresses of the VPC, from /16 to /25, divided evenly among its subnets. Each instance takes one address, and twice as many are in use during a blue/green update."
  type        = string
  default     = "10.20.0.0/22"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr_block)) && can(regex("/(1[6-9]|2[0-5])$", var.cidr_block))
    error_message = "Variable cidr_block must be an IPv4 CIDR block from /16 to /25, such as 10.20.0.0/22, so that every subnet is at least a /28."
  }
}

variable "egress" {
  description = <<-TEXT
    Further TCP destinations of the containers, such as a private registry, by description of the rule. Routes there (peering, transit gateway, NAT) are not created.
    - `*.cidr_ipv4`: IPv4 CIDR block, such as 10.1.0.0/16. Give exactly one of this, prefix_list_id and security_group_id.
    - `*.port`: TCP port: 1 to 65535.
    - `*.prefix_list_id`: Id of a prefix list.
    - `*.security_group_id`: Id of a security group.
  TEXT
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
    error_message = "Each rule in egress must have exactly one of cidr_ipv4, prefix_list_id and security_group_id."
  }

  validation {
    condition     = alltrue([for rule in var.egress : can(cidrnetmask(rule.cidr_ipv4)) if rule.cidr_ipv4 != null])
    error_message = "Field cidr_ipv4 in egress must be an IPv4 CIDR block, such as 10.1.0.0/16."
  }

  validation {
    condition     = alltrue([for rule in var.egress : rule.port >= 1 && rule.port <= 65535 && floor(rule.port) == rule.port])
    error_message = "Field port in egress must be a whole number from 1 to 65535."
  }

  validation {
    condition     = alltrue([for description in keys(var.egress) : can(regex("^[a-zA-Z0-9. _:/()#,@\\[\\]+=&;{}!$*-]{1,255}$", description))])
    error_message = "Keys of egress, the descriptions of the rules, must be 1 to 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*, the characters Amazon EC2 accepts."
  }
}

variable "flow_logs" {
  description = <<-TEXT
    VPC flow logs: which addresses exchange traffic.
    - `enabled`: Whether to create flow logs.
    - `kms_key_arn`: ARN of the KMS key that encrypts the log group; CloudWatch Logs uses a key of its own when it is null.
    - `retention_days`: Days to keep flow logs, one of the periods that CloudWatch Logs offers.
  TEXT
  type = object({
    enabled        = optional(bool, true)
    kms_key_arn    = optional(string)
    retention_days = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.flow_logs.retention_days)
    error_message = "Field flow_logs.retention_days must be a period that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731 days."
  }
}

variable "interface_services" {
  description = "AWS services, besides Amazon S3, that code in the containers calls itself, such as kms, lambda, logs, sqs or sts. Each gets an interface endpoint, billed per hour and zone. Where AWS names a service otherwise than com.amazonaws.<region>.<service>, as many in China, give its full name. Amazon SageMaker needs none of them to pull images, write logs and results, and publish."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for service in var.interface_services : can(regex("^[a-z0-9][a-z0-9.-]*[a-z0-9]$", service))])
    error_message = "Variable interface_services must hold the last part of com.amazonaws.<region>.<service>, such as ecr.api, logs or sts."
  }

  validation {
    condition     = !contains(var.interface_services, "s3")
    error_message = "Remove s3 from interface_services: a gateway endpoint for it is always created, free of charge."
  }

  validation {
    condition     = anytrue([for service in var.interface_services : endswith(service, "ecr.api")]) == anytrue([for service in var.interface_services : endswith(service, "ecr.dkr")])
    error_message = "Give ecr.api and ecr.dkr together: one authenticates, the other pulls (Amazon ECR guide, interface VPC endpoints)."
  }
}

variable "name" {
  description = "Name of the VPC and prefix of the names of its resources: 2 to 39 letters, digits and hyphens."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,37}[a-zA-Z0-9]$", var.name))
    error_message = "Variable name must be 2 to 39 letters, digits and hyphens, so that the name of the flow logs role, which includes the region, stays within 64 characters."
  }
}

variable "s3_bucket_arns" {
  description = "ARNs of the buckets that the S3 gateway endpoint admits; empty admits all buckets."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.s3_bucket_arns : can(regex("^arn:[a-z-]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", arn))])
    error_message = "Variable s3_bucket_arns must hold ARNs of buckets, as arn:aws:s3:::bucket, without keys: the execution role limits access to prefixes."
  }
}

variable "subnet_count" {
  description = "Number of subnets, each in a zone of its own: 2 to 6. Ignored where availability_zones are given."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.subnet_count >= 2 && var.subnet_count <= 6 && floor(var.subnet_count) == var.subnet_count
    error_message = "Variable subnet_count must be a whole number from 2 to 6: with one subnet the endpoint fails with its availability zone."
  }
}

variable "tags" {
  description = "Tags of all resources, beside Name and the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
