"""The HTTP API beside the client library, and beside a synchronous API as a published experiment has it."""
