"""The processes of a run: started cold or in the fork server, followed, and ended with all their children."""
