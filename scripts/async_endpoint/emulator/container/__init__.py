"""Containers of an instance: a Python process or an image, behind /ping and /invocations."""
