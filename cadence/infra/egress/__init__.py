"""The only door to the outside: HTTP clients that connect to nothing but checked addresses."""
