"""Goods that come back: what a refund would do, doing it, and bringing the money home."""
