# Containers. No ingress: Amazon SageMaker delivers requests outside the VPC.
resource "aws_security_group" "containers" {
  #checkov:skip=CKV2_AWS_5:SageMaker attaches it to the network interfaces of the model's containers.
  name        = "${var.name}-containers"
  description = "Containers of ${var.name}: outbound traffic"
  vpc_id      = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-containers" })
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.containers.id
  description       = "Amazon S3, through the gateway endpoint"
  from_port         = 443
  ip_protocol       = "tcp"
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  to_port           = 443
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "endpoints" {
  count = local._interfaces

  security_group_id            = aws_security_group.containers.id
  description                  = "Interface endpoints of AWS services"
  from_port                    = 443
  ip_protocol                  = "tcp"
  referenced_security_group_id = aws_security_group.endpoints[0].id
  to_port                      = 443
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "given" {
  for_each = var.egress

  security_group_id            = aws_security_group.containers.id
  cidr_ipv4                    = each.value.cidr_ipv4
  description                  = each.key
  from_port                    = each.value.port
  ip_protocol                  = "tcp"
  prefix_list_id               = each.value.prefix_list_id
  referenced_security_group_id = each.value.security_group_id
  to_port                      = each.value.port
  tags                         = var.tags
}

resource "aws_security_group" "endpoints" {
  count = local._interfaces

  name        = "${var.name}-endpoints"
  description = "Interface endpoints of ${var.name}: inbound traffic from its containers"
  vpc_id      = aws_vpc.this.id

  tags = merge(var.tags, { Name = "${var.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = local._interfaces

  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "Containers"
  from_port                    = 443
  ip_protocol                  = "tcp"
  referenced_security_group_id = aws_security_group.containers.id
  to_port                      = 443
  tags                         = var.tags
}
