"""Cadence: a multi-tenant service that runs AI-agent orchestrators."""

__version__ = "0.1.0"
