"""Adoption of a live endpoint that another tool made: what it consists of, who owns that, and Terraform that describes it."""
