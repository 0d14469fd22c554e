"""Terraform as Python calls: the adapter over python-terraform, plans as data, working copies of roots, outputs.

Importing it without the extra [deploy] raises ExtraMissing, so that every command that runs Terraform says the same sentence.
"""

from async_endpoint.core.extras import require_extra

require_extra("deploy", "Running Terraform")
