"""Policies for all Terraform of this repository: checkov's own checks and those in checks/. `make policy` runs them."""
