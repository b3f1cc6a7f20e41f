"""Access tokens of an OIDC issuer: who calls with one, and why one is of no use."""
