"""People: their own profile and sessions, and the accounts that a sys_admin keeps."""
