"""Programs that the workflows in .github/workflows run through the Makefile: `python -m ci COMMAND`."""
