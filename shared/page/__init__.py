"""The page for the person on duty: what is open, what ended how, what is poisoned.

Written on the server, without a script and without anything from elsewhere, so that it works on
any phone and nothing that comes from outside can do more than be read.
"""
