"""The HTTP API in front of the endpoints of an environment; extra [http]."""
