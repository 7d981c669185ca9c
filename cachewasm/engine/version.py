"""The version of this package, stated once for code that must not read package metadata.

`importlib.metadata` costs the warm path more than opening an artifact. A test holds this constant
equal to the version in pyproject.toml.
"""

VERSION = "0.1.0"
