"""Groups of `fenqi-server` commands, one a file; cli.py attaches them."""
