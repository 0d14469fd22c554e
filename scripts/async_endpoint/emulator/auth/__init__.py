"""Authentication: the emulator's credentials, the signatures of requests, and the identities of their callers."""
