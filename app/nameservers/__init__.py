"""What the authoritative servers answer, asked over TCP without recursion."""
