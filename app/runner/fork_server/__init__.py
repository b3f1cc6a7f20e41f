"""What runs in processes of its own: the reaper of each run, and the server that forks warm runs.

It imports nothing of the app: Ansible lives in these processes, and an operator's plugins with it.
"""
