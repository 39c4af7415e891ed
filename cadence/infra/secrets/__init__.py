"""Sealing of tenants' secrets, and the keys that everything secret is derived from."""
