"""From a `ModelSpec` to a vendor's client, and from a vendor's failures to ours."""
