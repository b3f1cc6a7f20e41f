"""What changes is followed as it happens: by streams, pages, and calls that wait."""
