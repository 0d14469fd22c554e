"""Who may call the API, how often, and what a caller may read."""
