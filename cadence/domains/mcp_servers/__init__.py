"""MCP servers that an organization registers, so that their tools are a plugin like any other."""
