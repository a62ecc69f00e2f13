"""The only code that knows Partner Center's URLs, status words, headers and tokens.

The rest of the app sees ``PartnerCenter`` (in ``protocol``), so that the APIs for newer products
can stand beside this one.
"""
