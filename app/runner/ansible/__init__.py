"""Real runs: `ansible-playbook` over one batch, and what is read from the inventory and from its results."""
