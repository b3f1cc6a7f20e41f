"""The processes that run beside the app: the reaper of each run, and the fork server that has Ansible loaded.

Nothing of the app is imported here: Ansible runs in these processes, and an operator's plugins with it.
"""
