"""With this folder on the path, `import rpyc` is Sinew."""

_is_sinew_shim = True

import sinew  # noqa: E402

sinew.install_as("rpyc")
