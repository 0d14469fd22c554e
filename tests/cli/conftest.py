from support.in_memory_aws import at_once, aws, outputs, refusal

__all__ = ["at_once", "aws", "outputs", "refusal"]
