"""Where the arrivals of a workload come from: traces, estimates from metrics, and models."""
