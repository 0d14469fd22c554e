mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vpc/shop-test" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/shop-test-flow-logs" }
  }
}

variables {
  name = "shop-test"
}

run "subnets" {
  assert {
    condition = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == {
      eu-west-1a = "10.20.0.0/23"
      eu-west-1b = "10.20.2.0/23"
    }
    error_message = "Addresses must be divided among one subnet per zone."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : subnet.map_public_ip_on_launch != true]) && keys(aws_route_table_association.private) == ["eu-west-1a", "eu-west-1b"]
    error_message = "Every subnet must be private and have the route to Amazon S3."
  }

  assert {
    condition     = aws_vpc.this.enable_dns_hostnames && aws_vpc.this.enable_dns_support
    error_message = "Private DNS names of endpoints need DNS in the VPC."
  }

  assert {
    condition     = output.security_group_ids == [aws_security_group.containers.id] && output.subnet_ids == [for zone in ["eu-west-1a", "eu-west-1b"] : aws_subnet.private[zone].id]
    error_message = "The outputs must be what variable network of module model takes."
  }
}

run "nothing_but_s3" {
  assert {
    condition = (
      aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-west-1.s3" && aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway"
      && aws_vpc_security_group_egress_rule.s3.prefix_list_id == aws_vpc_endpoint.s3.prefix_list_id
    )
    error_message = "Amazon S3 must be reached through its gateway endpoint."
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) + length(aws_security_group.endpoints) + length(aws_vpc_security_group_egress_rule.endpoints) + length(aws_vpc_security_group_egress_rule.given) == 0
    error_message = "By default nothing else may be reachable or incur cost."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.s3.statement : one(statement.resources) if statement.sid == "UseBuckets"]) == "arn:aws:s3:::*"
    error_message = "Without s3_bucket_arns, all buckets may be reached."
  }
}

run "endpoints_asked_for" {
  variables {
    interface_services = ["ecr.api", "ecr.dkr", "sts"]
    s3_bucket_arns     = ["arn:aws:s3:::shop"]
  }

  assert {
    condition = [for service, endpoint in aws_vpc_endpoint.interface : endpoint.service_name] == [
      "com.amazonaws.eu-west-1.ecr.api", "com.amazonaws.eu-west-1.ecr.dkr", "com.amazonaws.eu-west-1.sts",
    ]
    error_message = "Each service must have an endpoint."
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled && length(endpoint.subnet_ids) == 2])
    error_message = "Endpoints must be found under the services' own names, in every zone."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.endpoints[0].referenced_security_group_id == aws_security_group.containers.id
      && aws_vpc_security_group_egress_rule.endpoints[0].referenced_security_group_id == aws_security_group.endpoints[0].id
    )
    error_message = "Only containers may reach the endpoints."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.s3.statement : statement.sid => sort(statement.resources)
      } == {
      PullLayers    = tolist(["arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"])
      UseOwnBuckets = tolist(["arn:aws:s3:::shop", "arn:aws:s3:::shop/*"])
    }
    error_message = "Only the given buckets and image layers may be reached."
  }
}

run "egress" {
  variables {
    egress = { "private registry" = { cidr_ipv4 = "10.1.0.0/24", port = 5000 } }
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.given["private registry"].cidr_ipv4 == "10.1.0.0/24"
      && aws_vpc_security_group_egress_rule.given["private registry"].from_port == 5000
      && aws_vpc_security_group_egress_rule.given["private registry"].to_port == 5000
    )
    error_message = "A destination must be reachable on its port alone."
  }
}

run "flow_logs" {
  assert {
    condition     = aws_flow_log.this[0].traffic_type == "ALL" && aws_cloudwatch_log_group.flow_logs[0].retention_in_days == 30
    error_message = "All traffic must be logged, for a month."
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.flow_logs.statement : statement.sid => one(statement.resources) } == {
      FindLogGroup  = "*"
      WriteFlowLogs = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vpc/shop-test:*"
    }
    error_message = "Flow logs may look for their group, and write to that one only."
  }
}

run "without_flow_logs" {
  variables {
    flow_logs = { enabled = false }
  }

  assert {
    condition     = length(aws_flow_log.this) + length(aws_cloudwatch_log_group.flow_logs) + length(aws_iam_role.flow_logs) == 0
    error_message = "Without flow logs, none of their resources may be created."
  }
}

run "zones_given" {
  variables {
    availability_zones = ["eu-west-1c", "eu-west-1a", "eu-west-1b"]
  }

  assert {
    condition = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == {
      eu-west-1a = "10.20.1.0/24"
      eu-west-1b = "10.20.2.0/24"
      eu-west-1c = "10.20.0.0/24"
    }
    error_message = "Zones must be those given, in their order."
  }
}

run "refuses_more_subnets_than_zones" {
  command         = plan
  expect_failures = [aws_vpc.this]

  variables {
    subnet_count = 4
  }
}

run "services_in_china" {
  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "cn-north-1" }
  }

  variables {
    interface_services = ["cn.com.amazonaws.cn-north-1.ecr.api", "cn.com.amazonaws.cn-north-1.ecr.dkr", "logs"]
  }

  assert {
    condition = [for service, endpoint in aws_vpc_endpoint.interface : endpoint.service_name] == [
      "cn.com.amazonaws.cn-north-1.ecr.api", "cn.com.amazonaws.cn-north-1.ecr.dkr", "com.amazonaws.cn-north-1.logs",
    ]
    error_message = "A full name must be used as it is."
  }

  assert {
    condition     = aws_iam_role.flow_logs[0].name == "shop-test-cn-north-1-flow-logs" && aws_vpc_endpoint.s3.service_name == "com.amazonaws.cn-north-1.s3"
    error_message = "Role and gateway endpoint must be those of the region."
  }

  assert {
    condition     = alltrue(flatten([for statement in data.aws_iam_policy_document.s3.statement : [for resource in statement.resources : startswith(resource, "arn:aws-cn:")]]))
    error_message = "Every resource must be in the partition."
  }
}
