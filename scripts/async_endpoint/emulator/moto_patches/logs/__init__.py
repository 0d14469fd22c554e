"""Patches that load with CloudWatch Logs."""
