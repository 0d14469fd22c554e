from support.in_memory_aws import outputs

__all__ = ["outputs"]
