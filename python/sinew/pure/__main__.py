"""`python -m sinew.pure --listen 127.0.0.1:18812`."""

import sys

from .program import main

sys.exit(main())
