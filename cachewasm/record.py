"""`dataclass` at a fraction of the cost: of importing the module, and of defining each class.

What compiles is started anew for an application's first module, and the standard library's
dataclasses would take a third of that start: they import `inspect`, and run the compiler six times
for a class. This one runs it once, for the first instance. It knows what this package uses:
`frozen`, `slots`, `eq`, and of `field` the default factory, `init`, `repr` and `compare`; fields
are not inherited.

The same names mean the same, for type checkers and for `dataclasses.replace` and `fields`, too.
"""

from operator import attrgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
else:
    _MISSING = object()

    class _Field:
        """What `field` says of a field."""

        __slots__ = ("compare", "default", "default_factory", "init", "repr")

        def __init__(self, default, default_factory, init, repr, compare):
            self.default = default
            self.default_factory = default_factory
            self.init = init
            self.repr = repr
            self.compare = compare

    def field(*, default=_MISSING, default_factory=_MISSING, init=True, repr=True, compare=True):
        """As `dataclasses.field`."""
        return _Field(default, default_factory, init, repr, compare)

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True):
        """As `dataclasses.dataclass`."""

        def make(cls):
            return _make(cls, frozen, slots, eq)

        return make if cls is None else make(cls)

    def _make(cls, frozen, slots, eq):
        content = dict(vars(cls))
        fields = {}
        for name in cls.__annotations__:
            value = content.pop(name, _MISSING)
            is_field = isinstance(value, _Field)
            fields[name] = value if is_field else _Field(value, _MISSING, True, True, True)
        content["__dataclass_fields__"] = _StandardFields(cls.__annotations__, fields)
        content["__match_args__"] = tuple(name for name, each in fields.items() if each.init)
        if "__repr__" not in content:
            content["__repr__"] = _repr([name for name, each in fields.items() if each.repr])
        if eq and "__eq__" not in content:
            compared = [name for name, each in fields.items() if each.compare]
            content["__eq__"], content["__hash__"] = _comparison(compared, frozen)
        if frozen:
            content["__setattr__"], content["__delattr__"] = _refuse_setting, _refuse_deleting
        if not slots:
            # Defaults stay visible on the class.
            for name, each in fields.items():
                if each.default is not _MISSING:
                    content[name] = each.default
        else:
            content["__slots__"] = tuple(fields)
        for name in ("__dict__", "__weakref__"):
            content.pop(name, None)
        made = type(cls)(cls.__name__, cls.__bases__, content)
        made.__qualname__ = cls.__qualname__
        made.__init__ = _first_init(made, fields, frozen)
        return made

    def _first_init(cls, fields, frozen):
        """`__init__` until the first call: many a class has no instance in many a process."""

        def initialize(self, *values, **named):
            cls.__init__ = _init(fields, frozen, hasattr(cls, "__post_init__"))
            cls.__init__(self, *values, **named)

        return initialize

    def _init(fields, frozen, has_post_init):
        """`__init__`, the one method that is compiled: it takes names and defaults."""
        known = {"MISSING": _MISSING, "set_field": object.__setattr__}
        parameters, lines = ["self"], []
        for name, each in fields.items():
            if each.default_factory is not _MISSING:
                known[f"make_{name}"] = each.default_factory
                made = f"make_{name}()"
                if each.init:
                    parameters.append(f"{name}=MISSING")
                    made = f"{made} if {name} is MISSING else {name}"
            elif not each.init:
                continue
            elif each.default is not _MISSING:
                known[f"default_{name}"] = each.default
                parameters.append(f"{name}=default_{name}")
                made = name
            else:
                parameters.append(name)
                made = name
            lines.append(
                f"set_field(self, {name!r}, {made})" if frozen else f"self.{name} = {made}"
            )
        if has_post_init:
            lines.append("self.__post_init__()")
        body = "\n ".join(lines or ["pass"])
        exec(f"def __init__({', '.join(parameters)}):\n {body}", known)
        return known["__init__"]

    def _repr(names):
        def written(self):
            shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            return f"{type(self).__qualname__}({shown})"

        return written

    def _comparison(names, frozen):
        values = attrgetter(*names) if names else lambda self: ()

        def equals(self, other):
            if other.__class__ is not self.__class__:
                return NotImplemented
            return values(self) == values(other)

        def hashed(self):
            return hash(values(self))

        return equals, hashed if frozen else None

    def _refuse_setting(self, name, value):
        raise AttributeError(f"cannot assign to field {name!r}")

    def _refuse_deleting(self, name):
        raise AttributeError(f"cannot delete field {name!r}")

    class _StandardFields:
        """What `dataclasses.replace` and `fields` look for, made when they do."""

        def __init__(self, annotations, fields):
            self._annotations = annotations
            self._fields = fields
            self._made = None

        def __get__(self, instance, owner):
            if self._made is None:
                import dataclasses

                content = {"__annotations__": self._annotations}
                for name, each in self._fields.items():
                    options = {"init": each.init, "repr": each.repr, "compare": each.compare}
                    if each.default is not _MISSING:
                        options["default"] = each.default
                    if each.default_factory is not _MISSING:
                        options["default_factory"] = each.default_factory
                    content[name] = dataclasses.field(**options)
                shadow = dataclasses.dataclass(type(owner.__name__, (), content))
                self._made = shadow.__dataclass_fields__
            return self._made
