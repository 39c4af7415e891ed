"""Settings, read once at the door."""
