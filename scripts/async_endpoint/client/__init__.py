"""Submitting and collecting, as a customer of AWS does it: boto3 only, the same against AWS and the local AWS.

    from async_endpoint.client import AsyncEndpoint

The rest of what is public: ClientConfig, Completed, Invocation, Request, State, Submitted, Target.
"""

from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.results import Completed, Request, State, Submitted
from async_endpoint.client.target import Target

__all__ = ["AsyncEndpoint", "ClientConfig", "Completed", "Invocation", "Request", "State", "Submitted", "Target"]
