"""Keeps tenants' code in its place: checks packages, unpacks them, loads and calls plugins."""
