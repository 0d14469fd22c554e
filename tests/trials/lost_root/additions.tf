# Beside minimal_root: every other kind of resource whose creation can be lost, without what the provider waits long for.
resource "aws_kms_key" "this" {
  description             = "Nothing yet of ${local.name}"
  deletion_window_in_days = 7
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_iam_policy" "caller" {
  name   = "${local.name}-caller"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "${aws_s3_bucket.this.arn}/outputs/*" }] })
}

module "monitoring" {
  source = "../../modules/monitoring"

  endpoint = { kind = module.endpoint_config.kind, name = local.name, variants = module.endpoint_config.variants }
}
