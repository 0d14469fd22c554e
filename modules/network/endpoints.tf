locals {
  # One security group for all interface endpoints, if there are any.
  _interfaces = length(var.interface_services) > 0 ? 1 : 0

  # Names such as cn.com.amazonaws.cn-north-1.ecr.api are not composed of region and service alone.
  _full_name = "^([a-z]+\\.)*(amazonaws|aws)\\."

  # Amazon ECR stores image layers in an AWS-owned bucket (Amazon ECR guide, "interface VPC endpoints").
  _layers_arn = "arn:${local._partition}:s3:::prod-${local._region}-starport-layer-bucket/*"
}

data "aws_iam_policy_document" "s3" {
  statement {
    sid     = length(var.s3_bucket_arns) > 0 ? "UseOwnBuckets" : "UseBuckets"
    actions = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    resources = (
      length(var.s3_bucket_arns) > 0 ? flatten([for arn in var.s3_bucket_arns : [arn, "${arn}/*"]]) : ["arn:${local._partition}:s3:::*"]
    )

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }

  statement {
    sid       = "PullLayers"
    actions   = ["s3:GetObject"]
    resources = [local._layers_arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

# Without it an endpoint in these subnets cannot read its model (SageMaker guide, "hosted endpoints access to resources in your VPC").
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  policy            = data.aws_iam_policy_document.s3.json
  route_table_ids   = [aws_route_table.private.id]
  service_name      = "com.amazonaws.${local._region}.s3"
  vpc_endpoint_type = "Gateway"

  tags = merge(var.tags, { Name = "${var.name}-s3" })
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_services

  vpc_id              = aws_vpc.this.id
  private_dns_enabled = true
  security_group_ids  = [aws_security_group.endpoints[0].id]
  service_name        = can(regex(local._full_name, each.key)) ? each.key : "com.amazonaws.${local._region}.${each.key}"
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  vpc_endpoint_type   = "Interface"

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })
}
