"""Plans: what changes would do, by the records or by the servers; nothing is stored."""
