"""The pages, a file for each entry of the menu."""
