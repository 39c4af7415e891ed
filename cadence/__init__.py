"""Cadence: a multi-tenant service that runs AI-agent orchestrators."""
