"""How fast it is, beside other ways to do the same on the same machine, at the same time."""
