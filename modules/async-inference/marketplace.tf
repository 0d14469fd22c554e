locals {
  # Accounts that own the images and packages of AWS Marketplace and SageMaker JumpStart, one for each region
  # (terraform-provider-aws, model_test.go). The same as in scripts/async_endpoint/core/hosting_rules.py.
  _marketplace_accounts = [
    "057799348421", "077584701553", "136758871317", "192199979996", "270155090741", "382657785993", "446921602837", "470592106596",
    "594846645681", "666831318237", "745090734665", "843114510376", "856760150666", "865070037744", "977537786026", "985815980388",
  ]
}
