"""Settings that change while the service runs: the global tier and the organizations'."""
