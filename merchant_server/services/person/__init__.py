"""What a person can do about their own data: see it, take it along, revoke, complain, and have it erased."""
