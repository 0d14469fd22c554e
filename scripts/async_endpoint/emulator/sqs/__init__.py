"""What a standard queue holds, indexed: pure, without clock, locks or moto."""
