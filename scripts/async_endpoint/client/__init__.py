"""Submitting and collecting, as a customer of AWS does it: boto3 only, the same against AWS and the local AWS."""
