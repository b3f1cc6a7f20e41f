"""The endpoints of version 1, one file per resource."""
