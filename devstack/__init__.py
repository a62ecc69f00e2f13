"""Everything that runs the app on one machine with no Azure account."""
