"""Measures the app against stated baselines, on the stack of this machine: ``make bench``."""
