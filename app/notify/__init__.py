"""Who is told of what has happened: the adapters that publish it."""
