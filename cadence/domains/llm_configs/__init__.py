"""The models that an organization brings its own keys for."""
