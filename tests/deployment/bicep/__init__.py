"""Reads Bicep and works out what it would deploy, with no compiler and no Azure."""
