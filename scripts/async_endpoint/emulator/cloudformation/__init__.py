"""AWS CloudFormation: stacks whose resources are created by calls to the local AWS's own APIs.

moto's CloudFormation keeps SageMaker resources in stores of its own, completes stacks with resources that nothing
implements, and needs 150 MB of packages. Here each resource type is a few API calls, made as the stack's caller, so that every
resource is the one that all other APIs see, and is checked as they check it (ADR 0069). Loaded with the first request.
"""
