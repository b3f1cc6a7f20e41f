"""Who may call, who may change what, and what was done with that."""
