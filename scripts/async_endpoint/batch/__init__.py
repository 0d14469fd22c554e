"""Many inputs through one endpoint: from a source, by a manifest on disk, into a folder of results."""
