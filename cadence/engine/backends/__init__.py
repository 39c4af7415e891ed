"""One folder per agent framework; nothing of a framework leaves its folder."""
