"""A small shop and its till that sell in installments through fenqi. It talks to fenqi over HTTP only."""
