"""Webhooks: validation, signatures, delivery and the sweep for what no notification announces."""
