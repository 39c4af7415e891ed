"""The relational store: SQLite by default, PostgreSQL by URL, the same code above both."""
