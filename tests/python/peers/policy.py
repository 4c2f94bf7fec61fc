"""Services for the rules of who may touch which attribute."""

SECRET = "kept"


class Box:
    """Has one attribute of every kind that the policy tells apart."""

    public = "public"
    _private = "private"
    __custom__ = "dunder"
    exposed_open = "open"
    exposed_twice = "exposed twin"
    twice = "plain twin"

    def method(self):
        return "method"

    def exposed_greet(self, name="you"):
        return f"hello {name}"

    def __len__(self):
        return 7

    def __call__(self):
        return "called"

    def __matmul__(self, other):
        return "matmul"


class Renamed:
    """Exposes with a prefix of its own."""

    shown_colour = "red"
    exposed_size = 3
    plain = "plain"


class Hooked:
    """Decides about its attributes by itself, whatever the configuration says."""

    def __init__(self):
        self.log = []

    def _rpyc_getattr(self, name):
        if name == "forbidden":
            raise AttributeError("hook says no")
        return lambda: ("got", name) if name != "log" else tuple(self.log)

    def _rpyc_setattr(self, name, value):
        self.log.append(("set", name, value))

    def _rpyc_delattr(self, name):
        self.log.append(("del", name))


class Inner:
    """What the restricted view covers."""

    def __init__(self):
        self.readable = 1
        self.writable = 2
        self.hidden = 3

    def double(self):
        return self.readable * 2


def boxes(rpyc):
    """Serve one object of each kind, and let the client change the policy of its connection."""

    class Boxes(rpyc.Service):
        def on_connect(self, conn):
            self.conn = conn
            self.made = Box()
            self.hooked = Hooked()
            self.inner = Inner()

        def exposed_box(self):
            return self.made

        def exposed_renamed(self):
            return Renamed()

        def exposed_hook(self):
            return self.hooked

        def exposed_restricted(self, attrs, wattrs=None):
            return rpyc.restricted(self.inner, attrs, wattrs)

        def exposed_inner_value(self, name):
            return getattr(self.inner, name)

        def exposed_local_value(self, name):
            return getattr(self.made, name, None)

        def exposed_configure(self, key, value):
            self.conn._config[key] = value

        def exposed_allow_also(self, name):
            self.conn._config["safe_attrs"] = self.conn._config["safe_attrs"] | {name}

        not_exposed = "hidden"
        exposed_attribute = "class attribute"

    return Boxes
