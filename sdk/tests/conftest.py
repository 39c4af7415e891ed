"""How Hypothesis runs here: a slow machine is no failure."""

from hypothesis import settings

settings.register_profile("sdk", deadline=None)
settings.load_profile("sdk")
