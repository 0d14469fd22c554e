"""Patches of Service Quotas."""
