output "route_table_id" {
  description = "Route table of the subnets, for routes of your own."
  value       = aws_route_table.private.id
}

output "vpc" {
  description = "What module model takes as vpc: security_group_ids and subnet_ids, once Amazon S3 can be reached from them."
  value = {
    security_group_ids = [aws_security_group.containers.id]
    subnet_ids         = [for zone in local.zones : aws_subnet.private[zone].id]
  }

  depends_on = [
    aws_route_table_association.private,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_egress_rule.endpoints,
    aws_vpc_security_group_egress_rule.given,
    aws_vpc_security_group_egress_rule.s3,
    aws_vpc_security_group_ingress_rule.endpoints,
  ]
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}
