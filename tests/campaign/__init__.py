"""A campaign against qaml itself: networks that hide how weak they are, sound ones, and attacks that cheat.

``python -m tests.campaign`` (``make campaign``) plants weaknesses whose true robustness is known to be at most so much,
claims a little more, and counts what is supported.
"""
