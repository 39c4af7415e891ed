"""What runs in the zygote and in plugin hosts: no secret, no network, nothing else of the service.

Imports the standard library, orjson, `cadence_sdk` and its own modules; a test keeps it so.
"""
