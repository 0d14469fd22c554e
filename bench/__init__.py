"""What the local AWS costs, measured from outside: `make bench`."""
