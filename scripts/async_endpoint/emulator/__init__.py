"""The local AWS: moto's control planes plus SageMaker hosting of our own, in one process on one loopback port.

`sagemaker/` answers the SageMaker APIs, `hosting/` runs endpoints (queue, instances, delivery, metrics), `container/` runs a
model behind /ping and /invocations, `scaling/` evaluates alarms and scaling policies each scaled minute, `persistence/` keeps
the state of `--state-dir`, `faults/` injects failures, `auth/` verifies signatures, `moto_patches/` corrects moto.
"""
