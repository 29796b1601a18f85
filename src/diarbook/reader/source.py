"""The book's own functions, shown from their files.

Chapter: start
"""

from __future__ import annotations

import ast
import html
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from diarbook.reader.plots import theme_css

if TYPE_CHECKING:
    pass

_SOURCE_URL = "https://github.com/kb4ai/speaker-diarization-pub-kb/blob/main/src/"


def _docstring_rest(source: str) -> slice:
    """Lines of the first docstring after its first line; empty when it has one or two."""
    body = getattr(ast.parse(source).body[0], "body", [])
    if body and isinstance(body[0], ast.Expr) and isinstance(getattr(body[0].value, "value", None), str):
        start, end = body[0].lineno, body[0].end_lineno or body[0].lineno
        if end - start > 1:
            return slice(start, end)
    return slice(0, 0)


def source_html(function: Callable[..., Any] | type) -> str:
    """The HTML that :func:`show_source` displays.

    Chapter: start
    """
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    target = inspect.unwrap(function)
    lines, first = inspect.getsourcelines(target)
    source = inspect.cleandoc("\n" + "".join(lines)) if lines[0].startswith(" ") else "".join(lines)
    path = target.__module__.replace(".", "/") + ".py"
    if str(inspect.getsourcefile(target)).endswith("__init__.py"):
        path = target.__module__.replace(".", "/") + "/__init__.py"
    shown = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True, classprefix="t-")).splitlines()
    fold = _docstring_rest(source)
    rest = "\n".join(shown[fold])
    if rest:
        shown[fold] = [f"<details><summary>the rest of the docstring</summary>{rest}\n</details>"]
    # A folded part ends its own line.
    code = "\n".join(shown).replace("</details>\n", "</details>")
    opened = " open" if len(shown) <= 50 else ""
    name = html.escape(f"{target.__module__}.{target.__qualname__}")
    light = "--t-k:#8250df;--t-s:#0a5c36;--t-c:#57606a;--t-m:#9a4a00;--t-f:#0550ae;"
    dark = "--t-k:#d2a8ff;--t-s:#7ee2a8;--t-c:#9aa4af;--t-m:#ffb87a;--t-f:#79c0ff;"
    scope = ".wsw-source"
    css = theme_css(scope, light, dark)
    css += (
        f"{scope}{{margin:1rem 0;border:1px solid var(--wsw-grid)!important;border-radius:12px!important;"
        "background:var(--wsw-card);"
        "color:var(--wsw-ink);overflow:hidden}"
        f"{scope} summary{{cursor:pointer;padding:.5em .9em;font-size:.875em;color:var(--wsw-muted);"
        "overflow-wrap:anywhere}"
        f"{scope} pre details>summary{{padding:0 0 0 4ch;font-size:.92em;font-style:italic}}"
        f"{scope} summary code{{color:var(--wsw-ink);background:none;border:0;padding:0;font-weight:600}}"
        f"{scope} summary a{{color:var(--wsw-muted);margin-left:.6em;white-space:nowrap}}"
        f"{scope} pre{{margin:0;padding:.6em .9em 1em;overflow:auto;max-height:34rem;background:none;border:0;"
        "border-top:1px solid var(--wsw-grid);border-radius:0;color:var(--wsw-ink);font-size:13px;line-height:1.55}"
        f"{scope} .t-k,{scope} .t-kn,{scope} .t-kc,{scope} .t-ow{{color:var(--t-k)}}"
        f"{scope} [class^=t-s]{{color:var(--t-s)}}{scope} .t-c1{{color:var(--t-c);font-weight:600}}"
        f"{scope} .t-sd{{color:var(--t-c)}}"
        f"{scope} [class^=t-m]{{color:var(--t-m)}}{scope} .t-nf,{scope} .t-nc,{scope} .t-nd{{color:var(--t-f)}}"
    )
    link = f"{_SOURCE_URL}{path}#L{first}-L{first + len(lines) - 1}"
    return (
        f'<details class="wsw-source"{opened}><style>{css}</style><summary>Source: <code>{name}</code> '
        f'<a href="{link}">on GitHub</a></summary><pre tabindex="0"><code>{code}</code></pre></details>'
    )


def show_source(function: Callable[..., Any] | type) -> None:
    """Display the source of one of our functions, highlighted, folded when long, with a link to its file.

    Chapter: start
    """
    from IPython.display import HTML, display

    display(HTML(source_html(function)))
