"""HTTP in, HTTP out: views read a request, call one service, and answer."""
