"""Patches of moto's EC2, which takes half a second to load: applied with the first request to EC2."""
