"""Objects whose classes say with `@sinew.expose` what peers may use; for servers of ours only."""


def lab(rpyc):
    """Hand out marked objects from methods that are exposed in RPyC's way and in ours."""
    from sinew import expose  # noqa: PLC0415 - a stock server does not need it

    class Scope:
        limit = 5

        def __init__(self):
            self.gain = 1
            self.hidden = "hidden"

        @expose
        def sample(self, *args, **kwargs):
            return ("sample", args, tuple(kwargs.items()))

        @expose
        @property
        def level(self):
            return self.gain

        @level.setter
        def level(self, value):
            self.gain = value

        @expose
        @property
        def fixed(self):
            return "fixed"

        @property
        def secret_level(self):
            return "secret"

        @secret_level.setter
        def secret_level(self, value):
            self.gain = value

        @expose
        @classmethod
        def of_class(cls):
            return cls.__name__

        @expose
        @staticmethod
        def static(value):
            return value + 1

        @expose
        class Probe:
            name = "probe"

            def touch(self):
                return self.name

            def _private(self):
                return "private"

        @expose
        def __matmul__(self, other):
            return ("matmul", other)

        def secret(self):
            return "secret"

    class Quiet(Scope):
        """Does not open what it overrides."""

        def sample(self):
            return "quiet"

    @expose
    class Whole:
        number = 7
        helper = secretive

        def method(self):
            return "method"

        @property
        def computed(self):
            return "computed"

        def _private(self):
            return "private"

    class Child(Whole):
        number = 8

        def method(self):
            return "of the child"

        def added(self):
            return "added"

    class Holder:
        """Has an instance of a marked class, which opens that class and not this attribute."""

        kept = Whole()
        helper = secretive

    class Lab(rpyc.Service):
        def on_connect(self, conn):
            self.conn = conn

        def exposed_make(self, name):
            return {
                kind.__name__: kind for kind in (Scope, Quiet, Whole, Child, Holder, Scope.Probe)
            }[name]()

        def exposed_class_of(self, name):
            return {"Scope": Scope, "Whole": Whole}[name]

        def exposed_configure(self, key, value):
            self.conn._config[key] = value

        def exposed_borrow(self, netref):
            return type("Borrower", (), {"borrowed": netref})()

        @expose
        def marked(self):
            return "marked"

        def unmarked(self):
            return "unmarked"

    return Lab


def secretive():
    """A function that a marked class refers to, and others do, too."""
    return "secretive"
