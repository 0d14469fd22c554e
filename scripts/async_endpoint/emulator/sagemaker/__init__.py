"""SageMaker's hosting APIs as a client sees them: requests checked by botocore's model, errors in AWS's words."""
