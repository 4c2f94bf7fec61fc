"""`rpyc.exposed`, `rpyc.service` and `classpartial`, without a connection."""

import pytest

from harness.combos import with_pure
from harness.impls import submodule

pytestmark = with_pure


def test_exposed_marks_the_function_with_its_prefix(lib):
    @lib.exposed
    def plain():
        pass

    @lib.exposed("shown_")
    def other():
        pass

    assert plain.__exposed__ == "exposed_"
    assert other.__exposed__ == "shown_"


def test_exposed_refuses_what_cannot_be_exposed(lib):
    with pytest.raises(TypeError):
        lib.exposed(3)


def test_the_service_decorator_binds_the_prefixed_names(lib):
    @lib.service
    class Sample:
        @lib.exposed
        def plain(self):
            return 1

        @lib.exposed("shown_")
        def other(self):
            return 2

        def hidden(self):
            return 3

    sample = Sample()
    assert sample.exposed_plain() == 1
    assert sample.shown_other() == 2
    assert sample.plain() == 1
    assert not hasattr(sample, "exposed_hidden")


def test_the_service_decorator_returns_the_class_itself(lib):
    class Sample:
        pass

    assert lib.service(Sample) is Sample


def test_the_service_decorator_reaches_into_nested_classes(lib):
    @lib.service
    class Outer:
        @lib.exposed
        class Inner:
            @lib.exposed
            def deep(self):
                return "deep"

    assert Outer.exposed_Inner().exposed_deep() == "deep"


def test_classpartial_binds_constructor_arguments(lib):
    classpartial = submodule(lib, "utils.helpers").classpartial

    class Point:
        def __init__(self, x, y, z=0):
            self.values = (x, y, z)

    at_one = classpartial(Point, 1, 2, z=9)
    assert issubclass(at_one, Point)
    assert at_one().values == (1, 2, 9)
