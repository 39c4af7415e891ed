"""Checks a plugin package without running it, and loads one that passed."""
