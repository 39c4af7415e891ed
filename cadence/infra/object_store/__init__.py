"""Where plugin packages lie, by their sha256."""
