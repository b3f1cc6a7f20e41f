"""DNS: what the authoritative servers answer."""
