"""The measured paths, by the part of the house they belong to. Each module yields figures."""
