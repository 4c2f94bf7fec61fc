"""An authenticator for servers that want a token."""

TOKEN = "correct horse battery staple"


def authenticator(rpyc):
    """Return one; only ours have it, and the pure peer."""
    import sinew  # noqa: PLC0415 - only where ours is built

    return getattr(rpyc, "TokenAuthenticator", sinew.TokenAuthenticator)(TOKEN)
