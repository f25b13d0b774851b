"""The docs page: the OpenAPI description as one HTML file that loads nothing, so that it works without a network."""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8885;--soft:#8882}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}section{border-top:1px solid var(--line);margin-top:2rem}
code,pre{font:14px/1.45 ui-monospace,monospace}pre{background:var(--soft);padding:.8rem;overflow:auto;border-radius:6px}
table{border-collapse:collapse;width:100%}td,th{text-align:start;padding:.25rem .6rem .25rem 0;vertical-align:top}
tr+tr td{border-top:1px solid var(--line)}.method{font-weight:700;margin-inline-end:.5rem}summary{cursor:pointer}
"""

_EXAMPLE: Final = {"customers": [{"customer_id": "c-1"}], "reasons": 3}


def render(description: dict[str, Any], base: str) -> str:
    """The page.

    Parameters
    ----------
    description
        The OpenAPI description.
    base
        Where the service answers, for the examples.
    """
    sections = [
        _operation(method.upper(), path, operation, base)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]
    schemas = "".join(
        f"<details id='{escape(name)}'><summary><code>{escape(name)}</code></summary>"
        f"<pre>{escape(json.dumps(schema, indent=2, ensure_ascii=False))}</pre></details>"
        for name, schema in sorted(description["components"]["schemas"].items())
    )
    info = description["info"]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
        "<p>Every route but the probes takes a key: <code>Authorization: Bearer &lt;key&gt;</code>. "
        "Errors are problem documents (RFC 9457) that name the field and the next move. "
        "The same as data: <code>/openapi.json</code>.</p>"
        f"{''.join(sections)}<section><h2>Structures</h2>{schemas}</section></body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any], base: str) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(item['name'])}</code></td><td>{escape(item['in'])}</td>"
        f"<td>{escape(item['description'])}</td></tr>"
        for item in operation.get("parameters", [])
    )
    answers = "".join(
        f"<tr><td><code>{status}</code></td><td>{escape(answer['description'])} {_links(answer)}</td></tr>"
        for status, answer in sorted(operation["responses"].items())
    )
    body = f"<p>Takes {_links(operation['requestBody'])}.</p>" if "requestBody" in operation else ""
    return (
        f"<section><h2><span class='method'>{method}</span><code>{escape(path)}</code></h2>"
        f"<p>{escape(operation['summary'])} {escape(operation.get('description', ''))}</p>{body}"
        f"<pre>{escape(_curl(method, path, operation, base))}</pre>"
        f"{f'<table>{parameters}</table>' if parameters else ''}"
        f"<details><summary>Answers</summary><table>{answers}</table></details></section>"
    )


def _links(part: dict[str, Any]) -> str:
    found = []
    for media, content in part.get("content", {}).items():
        reference = content["schema"].get("$ref", "")
        name = reference.rpartition("/")[2]
        found.append(
            f"<a href='#{escape(name)}'><code>{escape(name)}</code></a>" if name else f"<code>{escape(media)}</code>"
        )
    return " ".join(found)


def _curl(method: str, path: str, operation: dict[str, Any], base: str) -> str:
    key = "" if operation.get("security") == [] else ' -H "Authorization: Bearer $MOMENTS_KEY"'
    url = base + path.replace("{id}", "c-1")
    if method == "POST":
        return f"curl{key} -H 'Content-Type: application/json' {url} -d '{json.dumps(_EXAMPLE)}'"
    return f"curl{key} {url}"
