"""A test's node id in the parts that other tools know it by."""

from __future__ import annotations


def split_names(nodeid: str) -> tuple[str, ...]:
    """Return file, classes and function with parameters, as pytest takes a node id apart.

    Brackets and colons in parameters are theirs; those in the name of a file are the file's.
    """
    path, separator, rest = nodeid.partition("::")
    if not separator:
        return (path,)
    names, bracket, parameters = rest.partition("[")
    *classes, function = names.split("::")
    if bracket:
        function += f"[{parameters.removesuffix(']')}]"
    return path, *classes, function


def junit_names(nodeid: str) -> tuple[str, str]:
    """Return ``classname`` and ``name`` as pytest's own JUnit file has them."""
    path, *rest = split_names(nodeid)
    *around, name = path.replace("/", ".").removesuffix(".py"), *rest
    return ".".join(around), name
