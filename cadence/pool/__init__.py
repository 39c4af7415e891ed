"""Keeps built orchestrators ready, and lends them to turns."""
