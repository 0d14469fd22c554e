"""Batches: all inputs of a source through one endpoint into a folder of results, resumable by a manifest on disk."""
