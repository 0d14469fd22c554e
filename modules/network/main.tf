data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:Only the first subnet_count zones are used, so that a new zone changes nothing.
  state = "available"

  # Local zones have no SageMaker instances.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  _account   = data.aws_caller_identity.current.account_id
  _partition = data.aws_partition.current.partition
  _region    = data.aws_region.current.id

  zones = length(var.availability_zones) > 0 ? var.availability_zones : slice(
    data.aws_availability_zones.available.names, 0, min(var.subnet_count, length(data.aws_availability_zones.available.names)),
  )
}

# Private DNS names of interface endpoints need both DNS settings.
resource "aws_vpc" "this" {
  cidr_block           = var.cidr_block
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = merge(var.tags, { Name = var.name })

  lifecycle {
    precondition {
      condition     = length(var.availability_zones) > 0 || length(data.aws_availability_zones.available.names) >= var.subnet_count
      error_message = "Region ${local._region} has ${length(data.aws_availability_zones.available.names)} availability zones, fewer than subnet_count; lower it."
    }
  }
}

# Without rules: a resource in the VPC without a security group of its own reaches nothing.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-unused" })
}

# Private: no internet gateway, no NAT. Containers reach only VPC endpoints and the destinations in var.egress.
resource "aws_subnet" "private" {
  for_each = { for index, zone in local.zones : zone => index }

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr_block, ceil(log(length(local.zones), 2)), each.value)

  tags = merge(var.tags, { Name = "${var.name}-private-${each.key}" })
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-private" })
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  route_table_id = aws_route_table.private.id
  subnet_id      = each.value.id
}
