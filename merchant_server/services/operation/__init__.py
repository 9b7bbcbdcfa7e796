"""Running the installation: merchants and keys, events pushed, clocks, upkeep and the checker."""
