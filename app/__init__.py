"""DNS Request Orchestrator: takes DNS changes, applies them by Ansible, verifies and records them."""
