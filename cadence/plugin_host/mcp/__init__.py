"""MCP servers as plugins: somebody else's tools, called over streamable HTTP through the guard."""
