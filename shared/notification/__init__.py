"""The mails that tell how a request ended: what they say, and how they are sent.

Nothing is imported here: settings read ``smtp_url`` and ``acs_resource`` on a cold start, which
must not pay for what only a worker with something to send needs: ``email``, ``smtplib``, SDKs.
"""
