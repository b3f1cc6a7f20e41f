"""Ansible: one run applies one batch of changes to one zone."""
