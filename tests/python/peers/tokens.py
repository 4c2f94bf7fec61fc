"""An authenticator for servers that want a token."""

TOKEN = "correct horse battery staple"


def authenticator(rpyc):
    """Return one; only ours have it."""
    import sinew  # noqa: PLC0415 - only where ours is built

    return sinew.TokenAuthenticator(TOKEN)
