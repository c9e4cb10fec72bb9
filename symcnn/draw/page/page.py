"""`Page`: one HTML file with its data, its style and its code; it loads nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...graph.locks import cached_property
from ...show.notebook import bundle
from ..canvas.style import CSS
from ..files import save

_SCRIPTS = ("dom", "tensors", "windows", "shares", "colours", "maps", "inspector", "unit", "steps")
_HEIGHT = 860


class Page:
    """The page of a run; see `symcnn.explain`. In a notebook it shows itself, in a frame of its own.

    Attributes
    ----------
    data : dict
        What the page shows: tensors, steps, links; it is in the file as JSON.
    """

    def __init__(self, data: dict[str, Any], diagram: str) -> None:
        self.data = data
        self._diagram = diagram

    @cached_property
    def html(self) -> str:
        """The whole file: the same text for the same run."""
        data, classes = _without_styles(self.data)
        style, script = CSS + _shell("page.css") + classes, _script()
        body = _shell("page.html").replace("{heading}", html.escape(self.data["heading"]))
        policy = (
            f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )
        return "\n".join(
            [
                "<!doctype html>",
                '<html lang="en">',
                '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
                f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
                f"<title>{html.escape(self.data['heading'])}</title>",
                f"<style>{style}</style></head>",
                f"<body>{body.replace('{diagram}', self._diagram)}",
                f'<script type="application/json" id="data">{_as_json(data)}</script>',
                f"<script>{script}</script>",
                "</body></html>\n",
            ]
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to an ``.html`` file, and return the file. A failure leaves what was there before."""
        return save(path, dict.fromkeys(("html", "htm"), self.html.encode))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(self, "text/html", self._framed)

    def _framed(self) -> str:
        # A frame of its own: the page's style and keys stay out of the notebook, and its code has no access to it.
        return (
            f'<iframe sandbox="allow-scripts" title="{html.escape(self.data["heading"], quote=True)}" width="100%" '
            f'height="{_HEIGHT}" style="border:0" srcdoc="{html.escape(self.html, quote=True)}"></iframe>'
        )

    def __repr__(self) -> str:
        steps = len(self.data["steps"])
        return f"Page of {self.data['output']}: {steps} steps, {len(self.html.encode()) / 1000:,.0f} KB"


def _without_styles(data: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The data with classes for the styles that equations carry: the page's policy forbids styles within elements."""
    rules: dict[str, str] = {}

    def classed(match: re.Match[str]) -> str:
        return f'class="{rules.setdefault(match[1], f"m{len(rules)}")}"'

    steps = [
        step | {"equations": [re.sub(r'style="([^"]*)"', classed, text) for text in step["equations"]]}
        for step in data["steps"]
    ]
    return data | {"steps": steps}, "".join(f".{name} {{ {rule} }}\n" for rule, name in rules.items())


def _shell(name: str) -> str:
    return (files(__package__) / "shell" / name).read_text(encoding="utf-8")


def _script() -> str:
    parts = "\n".join(_shell(f"{name}.js") for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}\n}})();'


def _digest(text: str) -> str:
    """How a content security policy names a piece of code or style that is allowed."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _as_json(data: dict[str, Any]) -> str:
    """JSON that can stand in a page: nothing in it ends the element."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
