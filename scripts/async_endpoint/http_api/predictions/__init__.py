"""Predictions: their ids, their records in S3, how they are submitted, resolved and listed."""
