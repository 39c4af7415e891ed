"""What the running service tells its operator, without telling anybody's secrets."""
