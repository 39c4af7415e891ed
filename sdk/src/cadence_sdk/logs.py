"""A logger for any class that wants one."""

import logging


class Loggable:
    """Mixin that gives instances a `logger` named after their module and class."""

    @property
    def logger(self) -> logging.Logger:
        """The logger `<module>.<class>`; the service decides where its lines go."""
        kind = type(self)
        return logging.getLogger(f"{kind.__module__}.{kind.__qualname__}")
