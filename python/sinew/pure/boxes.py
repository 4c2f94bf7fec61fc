"""What of a connection knows which objects are lent to the peer, and which are the peer's."""

import itertools
import sys
import types
import weakref

from .netrefs import KNOWN_TYPES, get_local, is_netref, netref_class
from .values import CONTAINERS, ENCODERS, encode, is_plain, tuple_head
from .wire import (
    INSPECT,
    LOCAL_REF,
    REMOTE_REF,
    TUPLE,
    VALUE,
    GuessingError,
    LimitError,
    ProtocolError,
)


def pair(value):
    """Return a tuple of two, which a message and a box are; ProtocolError if it is none."""
    if type(value) is not tuple or len(value) != 2:
        raise ProtocolError("a message or a box has two parts")
    return value


class Boxes:
    """The tables of a connection, and values with references in them."""

    def _box(self, obj, lent):
        label, data = self._label(obj, lent)
        return b"\x11" + bytes((0x50 + label,)) + data

    def _label(self, obj, lent):
        """Return (label, bytes) of an object; what it exports is added to `lent`."""
        kind = type(obj)
        encoder = ENCODERS.get(kind)
        if encoder is not None:
            return VALUE, encoder(obj)
        if kind is tuple:
            items = [self._label(item, lent) for item in obj]
            if all(label == VALUE for label, _ in items):
                return VALUE, tuple_head(len(items)) + b"".join([data for _, data in items])
            boxes = [b"\x11" + bytes((0x50 + label,)) + data for label, data in items]
            return TUPLE, tuple_head(len(boxes)) + b"".join(boxes)
        if kind in CONTAINERS and is_plain(obj):
            return VALUE, encode(obj)
        if is_netref(obj) and get_local(obj, "____conn__") is self:
            return LOCAL_REF, encode(get_local(obj, "____id_pack__"))
        return REMOTE_REF, encode(self._lend(obj, lent))

    def _lend(self, obj, lent):
        with self._tables:
            id_pack = self._export_ids.get(id(obj)) or make_id_pack(obj)
            entry = self._exports.get(id_pack)
            if entry is None:
                if len(self._exports) >= self._config["max_exports"]:
                    raise LimitError("max_exports", "the peer holds too many objects")
                self._exports[id_pack] = [obj, 1]
                self._export_ids[id(obj)] = id_pack
            else:
                entry[1] += 1
        lent.append(id_pack)
        return id_pack

    def _take_back(self, id_packs):
        for id_pack in id_packs:
            self._unlend(id_pack, 1)

    def _unlend(self, id_pack, count):
        """Give back `count` receptions. The object may die here: no lock is held then."""
        entry = None
        with self._tables:
            self._exports[id_pack][1] -= count
            left = self._exports[id_pack][1]
            if left <= 0:
                entry = self._exports.pop(id_pack)
                del self._export_ids[id(entry[0])]
        if left < 0:
            self._note_bad_id()
            raise ValueError("a reference was given back more often than it was lent")
        return entry

    def _lent_object(self, id_pack):
        """Return what an id of the peer's names; KeyError if nothing, and at last GuessingError."""
        try:
            with self._tables:
                return self._exports[id_pack][0]
        except (KeyError, TypeError):
            self._note_bad_id()
            raise

    def _note_bad_id(self):
        """Count an id that names nothing: one is a mistake, a thousand are guesses."""
        with self._tables:
            self._bad_ids += 1
            too_many = self._bad_ids >= self._config["max_bad_ids"]
        if too_many:
            raise GuessingError("too many ids of the peer name nothing: max_bad_ids")

    def _pin(self, box):
        """Return a box in which our own objects have taken the place of their ids."""
        label, value = pair(box)
        if label == TUPLE:
            if type(value) is not tuple:
                raise ProtocolError("a tuple of boxes is none")
            return TUPLE, tuple([self._pin(item) for item in value])
        if label == LOCAL_REF:
            return LOCAL_REF, self._lent_object(value)
        return label, value

    def _unbox(self, box):
        label, value = box
        if label in (VALUE, LOCAL_REF):  # the latter was looked up by _pin
            return value
        if label == TUPLE:
            return self._unbox_each(value)
        if label == REMOTE_REF:
            return self._proxy_for(value)
        raise ValueError(f"invalid label {label!r}")

    def _unbox_each(self, boxes):
        values = []
        for box in boxes:
            try:
                values.append(self._unbox(box))
            except BaseException:
                for unread in boxes[len(values) + 1 :]:
                    self._give_back_box(unread)
                raise
        return tuple(values)

    def _give_back_box(self, box):
        """Give back what a box lends us that nobody is going to read."""
        if type(box) is not tuple or len(box) != 2:
            return
        label, value = box
        if label == TUPLE and type(value) is tuple:
            for item in value:
                self._give_back_box(item)
        elif label == REMOTE_REF and self._is_reference(value):
            self._give_back(value, 1)

    def _is_reference(self, id_pack):
        return (
            type(id_pack) is tuple
            and [type(part) for part in id_pack] == [str, int, int]
            and len(id_pack[0]) <= self._config["max_class_name"]
        )

    def _proxy_for(self, id_pack):
        if not self._is_reference(id_pack):
            raise ValueError(f"no reference: {id_pack!r}"[:200])
        proxy = self._living_proxy(id_pack)
        if proxy is not None:
            return proxy
        try:
            kind = self._class_for(id_pack)
        except BaseException:
            self._give_back(id_pack, 1)
            raise
        with self._tables:
            proxy = self._living_proxy(id_pack)  # another thread may have been faster
            if proxy is None:
                proxy = kind(self, id_pack)
                self._proxies[id_pack] = weakref.ref(proxy)
        return proxy

    def _living_proxy(self, id_pack):
        with self._tables:
            reference = self._proxies.get(id_pack)
            proxy = None if reference is None else reference()
            if proxy is not None:
                count = get_local(proxy, "____refcount__")
                object.__setattr__(proxy, "____refcount__", count + 1)
            return proxy

    def _class_for(self, id_pack):
        name, class_id, instance_id = id_pack
        key = (name, class_id, instance_id == 0)
        kind = self._classes.get(key)
        if kind is None:
            known = KNOWN_TYPES.get(name)
            if known is None:
                methods = self._ask_for_methods(id_pack)
            elif instance_id == 0:
                methods = itertools.chain(*map(vars, type(known).__mro__ + known.__mro__))
            else:
                methods = itertools.chain(*map(vars, known.__mro__))
            kind = netref_class(name.replace("\0", ""), instance_id == 0, methods)
            if len(self._classes) < self._config["max_remote_classes"]:
                self._classes[key] = kind
        return kind

    def _ask_for_methods(self, id_pack):
        told = self.sync_request(INSPECT, id_pack)
        if type(told) is not tuple or not all(
            type(item) is tuple and len(item) == 2 and type(item[0]) is str for item in told
        ):
            raise ProtocolError("the peer describes a class with what is no description")
        return [name for name, _ in told]


def make_id_pack(obj):
    """Return (class name, class id, instance id) of an object; a class has the instance id 0."""
    if is_netref(obj):  # of another connection: two peers may use the same numbers
        name, _, instance_id = get_local(obj, "____id_pack__")
        return (name, id(obj), 0) if instance_id == 0 else (name, id(type(obj)), id(obj))
    if isinstance(obj, types.ModuleType):
        name = str(obj.__name__)
        if name not in sys.modules:
            name = f"{type(obj).__module__}.{name}"
        return name, id(type(obj)), id(obj)
    if isinstance(obj, type):
        return f"{obj.__module__}.{obj.__name__}", id(obj), 0
    kind = getattr(obj, "__class__", type(obj))
    kind = kind if isinstance(kind, type) else type(obj)
    return f"{kind.__module__}.{kind.__name__}", id(type(obj)), id(obj)
