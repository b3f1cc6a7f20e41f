"""`playbook check`: whether a playbook keeps its contract."""
