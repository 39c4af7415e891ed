"""The way out for plugins' code: a proxy for each host process, to approved hosts alone."""
