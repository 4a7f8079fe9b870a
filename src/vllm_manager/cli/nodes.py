"""`nodes`: the machines of the cluster, and what may be handed out on each."""

from rich.markup import escape

from vllm_manager.cli.client import Json, JsonOption, TokenOption, UrlOption, connect
from vllm_manager.cli.output import out, print_json, print_table, size, state


def nodes(url: UrlOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List the cluster's nodes: alive or dead, with the CPUs, GPUs and memory of each."""
    with connect(url, token) as client:
        found: list[Json] = client.get("/api/v1/nodes")["items"]
    if as_json:
        print_json({"items": found, "next_cursor": None})
    elif not found:
        out.print("Ray tells of no nodes. Look with: vllm-manager doctor")
    else:
        columns = ("NODE", "ADDRESS", "STATE", "CPUS", "GPUS", "MEMORY", "WHY")
        print_table(columns, (_row(node) for node in found))


def _row(node: Json) -> list[str]:
    name = node["hostname"] or node["id"][:12]
    return [
        escape(name) + (" (head)" if node["is_head"] else ""),
        escape(node["ip"] or "–"),
        state(node["state"]),
        _count(node["cpus"]),
        _count(node["gpus"]),
        size(node["memory_bytes"]),
        escape(node["state_message"] or ""),
    ]


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
