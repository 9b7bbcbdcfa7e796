"""The least that does the same work: bare integer loops, library calls, and a Flask application without layers."""
