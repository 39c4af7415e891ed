"""Plain Python that every room may use: errors, ids, the clock, paging."""
