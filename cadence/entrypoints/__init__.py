"""Where processes start."""
