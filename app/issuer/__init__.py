"""What an OIDC issuer publishes: the keys that its tokens are signed with."""
