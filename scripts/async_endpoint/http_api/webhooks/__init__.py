"""Webhooks: deliveries of terminal predictions to receivers, signed, retried for a day, at least once."""
