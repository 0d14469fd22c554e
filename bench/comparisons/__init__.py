"""The client beside others, on one local AWS."""
