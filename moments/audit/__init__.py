"""The audit: vectors that the service scored, computed again from today's tables; every difference with its cause.

`models` finds the bundle of each vector, `causes` says why one differs, `job` does the whole and writes the files, `words` says
what was found.
"""
