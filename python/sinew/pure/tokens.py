"""Tokens, as docs/protocols/tokens.md has them.

How two peers prove what they know is written once: in what travels, the text of sinew/tokens.py is
in the place of this file.
"""

from sinew.tokens import TokenAuthenticator, find, prove_to_server

__all__ = ["TokenAuthenticator", "find", "prove_to_server"]
