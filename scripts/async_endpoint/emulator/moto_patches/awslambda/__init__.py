"""Patches of moto's AWS Lambda: applied with the first request to Lambda, and when functions are restored."""
