"""What sizing an endpoint reads and measures: settings, arrivals, profiles and usage. The computations are in `capacity`."""
