output "route_table_id" {
  description = "Id of the subnets' route table, for routes of your own."
  value       = aws_route_table.private.id
}

output "security_group_ids" {
  description = "Security groups of the containers, once their rules exist. network = module.network passes them, and subnet_ids, to modules model and async-inference."
  value       = [aws_security_group.containers.id]

  depends_on = [
    aws_vpc_security_group_egress_rule.endpoints,
    aws_vpc_security_group_egress_rule.given,
    aws_vpc_security_group_egress_rule.s3,
    aws_vpc_security_group_ingress_rule.endpoints,
  ]
}

output "subnet_ids" {
  description = "Subnets in the order of their zones, once Amazon S3 and the interface endpoints can be reached from them."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]

  depends_on = [
    aws_route_table_association.private,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
  ]
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}
