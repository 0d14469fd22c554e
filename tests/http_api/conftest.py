from support.api_client import api
from support.in_memory_aws import aws, outputs

__all__ = ["api", "aws", "outputs"]
