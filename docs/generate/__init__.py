"""Makes what docs/ has of the code (`make reference`), and its site (`make docs`; site.py)."""
