"""Scorecards: trained from a CSV where scikit-learn is installed, and scored anywhere by points that are data."""
