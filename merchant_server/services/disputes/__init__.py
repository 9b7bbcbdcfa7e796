"""Purchases that a consumer objects to: opening, answering and deciding, with the money that follows."""
