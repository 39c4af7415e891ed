"""Text from models and plugins; the rules themselves are plain and live in the kernel."""

from cadence.kernel.text import clean, clean_value, clip

__all__ = ["clean", "clean_value", "clip"]
