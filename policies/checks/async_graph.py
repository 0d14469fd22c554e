"""References between blocks of a plan or of the source, from checkov's graph."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]

_MODULE = re.compile(r"module\.[^.\[]+(?:\[[^\]]*\])?\.")
# A reference, a call or a template: its value is unknown before it is evaluated.
_EXPRESSION = re.compile(r"\$\{|^(?:var|local|module|data|each|count|self|aws_\w+)\.|^\w+\(|\?|^true_after_unknown$")


class Surroundings:
    """The graph as seen from the block that a check looks at."""

    def __init__(self, graph: Any, conf: dict[str, Any], kind: str) -> None:
        """`conf` is the block that a check receives, `kind` its type."""
        self._graph = graph
        address, plan = conf.get("__address__"), first(conf.get("__file__"))
        self._index = next(
            index
            for index in graph.node_indices()
            if _kind(graph[index][1]) == kind
            and graph[index][1].get("__address__") == address
            and plan in {None, graph[index][1].get("file_path_")}
        )
        self.node: Node = graph[self._index][1]

    def referring(self, kind: str) -> list[Node]:
        """Blocks of type `kind` that refer to this one."""
        return self._of(kind, self._graph.predecessor_indices(self._index))

    def referred(self, node: Node, kind: str) -> list[Node]:
        """Blocks of type `kind` that `node` refers to."""
        return self._of(kind, self._graph.successor_indices(self._position(node)))

    def nearest(self, kind: str) -> list[Node]:
        """Blocks of type `kind` in the innermost enclosing module that has any."""
        found = self._of(kind, self._graph.node_indices())
        path = modules(self.node)
        while True:
            here = [node for node in found if modules(node)[: len(path)] == path]
            if here or not path:
                return here
            path = path[:-1]

    def _of(self, kind: str, indices: Any) -> list[Node]:
        nodes = {index: self._graph[index][1] for index in indices}
        return [node for node in nodes.values() if _kind(node) == kind and self._is_of_this_root(node)]

    def _is_of_this_root(self, node: Node) -> bool:
        """Whether `node` is of this block's root: several plans and several roots share one graph."""
        return _root(node) == _root(self.node)

    def _position(self, node: Node) -> int:
        return next(index for index in self._graph.node_indices() if self._graph[index][1] is node)


def modules(node: Node) -> list[str]:
    """The modules that contain a block, outermost first."""
    return _MODULE.findall(str(node.get("__address__", "")))


def first(value: Any) -> Any:
    """The value that checkov wrapped into a list; None for an empty list."""
    if isinstance(value, list):
        return first(value[0]) if value else None
    return value


def each(value: Any) -> Iterator[Any]:
    """The members of nested lists, flattened; a single value yields itself, None nothing."""
    if isinstance(value, list | set | tuple):
        for member in value:
            yield from each(member)
    elif value is not None:
        yield value


def known(value: Any) -> bool:
    """Whether `value` is a value and not an unevaluated expression."""
    return value is not None and not (isinstance(value, str) and _EXPRESSION.search(value))


def _kind(node: Node) -> str:
    name = str(node.get("block_name_", ""))
    return name.split(".", maxsplit=1)[0] if node.get("block_type_") in {"data", "resource"} else ""


def _root(node: Node) -> str:
    """The plan that contains a block, or the folder of the root that calls its modules."""
    origin, around = node, node.get("source_module_object_")
    if around is None:
        path = str(origin.get("file_path_"))
        return path if path.endswith(".json") else path.rpartition("/")[0]
    while getattr(around, "nested_tf_module", None) is not None:
        around = around.nested_tf_module
    return str(around.path).rpartition("/")[0]
