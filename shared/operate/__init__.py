"""``python -m shared.operate``: what the person on duty needs at hand."""
