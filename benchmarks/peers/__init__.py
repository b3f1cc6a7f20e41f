"""Other ways to get records onto a DNS server."""
