"""The HTTP API in front of asynchronous endpoints, its webhooks and its console page; extra [http]."""
