"""MongoDB: how it is opened, and the one database that each organization has there."""
