"""The places in a request's body that reasons point to."""

ACCOUNT = ("context", "account_id")
RECORD_TYPE = ("resource", "record_type")
DOMAIN = ("resource", "domain")
TARGET = ("resource", "target")
ZONE = ("resource", "zone")
VIEW = ("resource", "view")
TTL = ("resource", "config", "ttl")
EXTRA_CONFIG = ("resource", "config", "extra_config")
MANAGE_PTR = ("resource", "config", "manage_ptr")
