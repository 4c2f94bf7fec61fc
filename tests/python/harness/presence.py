"""What happens to a test whose implementation cannot be imported."""

import pytest

from harness import impls


def require(*implementations):
    """Skip the test, or fail it where ours must be there, if one cannot be imported."""
    for name in implementations:
        reason = impls.why_missing(name)
        if reason and impls.must_be_present():
            pytest.fail(reason, pytrace=False)
        if reason:
            pytest.skip(reason)
