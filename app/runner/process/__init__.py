"""Processes: starts a command in a fork of Ansible or in a new process, follows it, and sees to its end."""
