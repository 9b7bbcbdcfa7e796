"""Deciding: sources to features, features to a policy's answer, policies published and replayed, people reviewing."""
