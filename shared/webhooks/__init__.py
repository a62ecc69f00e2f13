"""Webhooks as a way to ask for a cancellation: verify, name the event, hold it to ``on=``.

Nothing in a delivery is taken for ours: the URL carries what is, the delivery says that it is time.
"""
