"""How far each path is from the bare floor under it, measured in one run. It gates nothing and changes no data."""
