"""Arrivals of requests: models, traces, and estimates from metrics."""
