"""Pure: what endpoints cost. No clock, and no I/O but the reading of its own tables."""
