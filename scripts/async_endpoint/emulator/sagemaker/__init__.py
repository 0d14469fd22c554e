"""SageMaker's control plane and runtime APIs: requests validated with botocore's service models, errors as AWS's."""
