"""`pickle`, imported only when a peer or a program asks `lib.compat` for it."""

import pickle

__all__ = ["pickle"]
