"""Submitting requests to an asynchronous endpoint and collecting their results. Public names are in `async_endpoint`."""
