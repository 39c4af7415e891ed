"""The servers that `make services` starts without Docker, one file for each."""
