"""What routers are made of: errors, the unit of work, paging, event streams, middleware."""
