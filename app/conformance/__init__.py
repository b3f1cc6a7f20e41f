"""`playbook check`: tries a playbook, and reports whether it keeps the playbook contract."""
