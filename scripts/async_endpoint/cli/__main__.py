"""`python -m async_endpoint.cli`, for where the console command is not on the path."""

from async_endpoint.cli.entry import main

main()
