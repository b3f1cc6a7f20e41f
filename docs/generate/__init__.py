"""Makes the site of docs/ (site.py)."""
