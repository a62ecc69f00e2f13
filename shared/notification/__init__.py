"""The mails that tell how a request ended: what they say, and how they are sent.

Nothing is imported here: settings read ``smtp_url`` on a cold start, which must not pay for the
``email`` and ``smtplib`` that only a worker with something to send needs.
"""
