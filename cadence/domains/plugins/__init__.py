"""The catalog of plugins: uploaded by an organization for itself, or by a sys_admin for all."""
