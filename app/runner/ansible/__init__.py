"""Runs of `ansible-playbook` over a batch of changes: what they get, what they report, and the inventory."""
