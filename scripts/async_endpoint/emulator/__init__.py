"""The local AWS: moto's control planes plus SageMaker hosting of our own, in one process on one loopback port.

record.py     what a running local AWS says about itself on disk     daemon.py   start, detach, stop
http.py       one port, its connections                              server.py   our services first, moto for the rest
clock.py      wall clock x time scale                                stores.py   moto's stores, reached in process
gaps/         what moto lacks, one file a gap                        iam/        pure evaluation of policies
sagemaker/    the SageMaker APIs: models, configurations, endpoints, runtime
hosting/      endpoints as state machines: queue, instances, delivery, metrics
container/    one process an instance, behind /ping and /invocations
persistence/  what --state-dir keeps across a stop
scaling/      each scaled minute: datapoints, alarms, policies acted on
"""
