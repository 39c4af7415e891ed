"""What runs in the zygote and in plugin hosts: no secret, no settings, no client of any store.

Of the service it imports what reads packages and writes JSON, and none of its rooms above; a test
keeps it so.
"""
