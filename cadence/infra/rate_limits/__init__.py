"""How often something may happen: counted in Redis, or in this process alone."""
