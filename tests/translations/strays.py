"""Sentences for people that no catalogue has: in templates, in the front end's code, in scripts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser

from jinja2 import Environment, nodes

MARKS = {"_", "N_", "many", "gettext", "ngettext"}
VALUE = "\N{OBJECT REPLACEMENT CHARACTER}"  # stands where a template puts a value
SAID = {"aria-label", "alt", "title", "placeholder", "content"}  # attributes that people read or hear
# The same in every language: names, formats, units, keys; and what is read by programs.
ANYWHERE = re.compile(
    r"\b(Atelier|JPEG|PNG|WebP|TIFF|ZIP|OpenAPI|px|dpi|width=device-width, initial-scale=1|light dark|noindex|website"
    r"|summary_large_image|dark|prefers-color-scheme)\b|#\w+|%"
)
WORDS = re.compile(r"[a-z]{2,},? [a-z]{2,}|^[A-Z][a-z]+[a-z .…]*$|[a-z]{2,}[.…]$")


class Said(HTMLParser):
    """Collects what a page's markup says to people, but for elements that are read by programs."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside.append(tag)
        self.texts += [value for name, value in attrs if name in SAID and value]

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style", "code"} & set(self.inside[-1:]):
            self.texts.append(data)


def in_template(environment: Environment, source: str) -> list[str]:
    """What a template says outside of messages: in its markup, and in texts of its expressions."""
    tree = environment.parse(source)
    said = Said()
    said.feed("".join(markup(tree)))
    said.close()
    texts = [text for each in said.texts for text in each.split(VALUE)]
    return [text.strip() for text in [*texts, *constants(tree)] if re.search("[A-Za-z]{2}", ANYWHERE.sub("", text))]


def markup(node: nodes.Node) -> Iterator[str]:
    """A template's text in its order, with VALUE for what is put into it."""
    if isinstance(node, nodes.TemplateData):
        yield node.data
    elif isinstance(node, nodes.Block):
        yield VALUE
        for child in node.body:
            yield from markup(child)
        yield VALUE
    elif isinstance(node, nodes.Expr):
        yield VALUE
    else:
        for child in node.iter_child_nodes():
            yield from markup(child)


def constants(node: nodes.Node) -> Iterator[str]:
    """Texts of expressions that read like words, outside of messages."""
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in MARKS:
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str) and WORDS.search(node.value.strip()):
        yield node.value
    for child in node.iter_child_nodes():
        yield from constants(child)


# What these are given is for whoever runs the service, for programs, or for those who read the code.
UNSAID = {
    "Field",
    "Literal",
    "TypeVar",
    "APIRouter",
    "DarkroomError",
    "SettingsError",
    "Markup",
    "compile",
    "Middleware",
}
LOGS = {"debug", "info", "warning", "error", "exception"}


def in_code(source: str) -> list[str]:
    """Texts of a module that read like words and are no message."""
    tree = ast.parse(source)
    return [text for text in texts(tree) if WORDS.search(text.strip()) and not is_markup(text)]


def is_markup(text: str) -> bool:
    """Whether a text is a header, a pattern, or something else that only looks like words."""
    return bool(re.search(r"[;=\\^$|<]|^\s*$|__|^/", text))


def texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
        node.body = node.body[1:]
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in MARKS | UNSAID or (name in LOGS and ast.unparse(node.func).startswith("log.")):
            return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.JoinedStr):
        yield "".join(each.value if isinstance(each, ast.Constant) else "…" for each in node.values)  # type: ignore[misc]
        return
    if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation:
        node.annotation = ast.Name("annotation")
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        node.returns, node.decorator_list = None, []
    for child in ast.iter_child_nodes(node):
        yield from texts(child)


# Comments, texts, names, brackets, and any other sign. Templates may hold templates in their values.
SCRIPT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|\$\{(?:[^`{}]|`[^`]*`|\{[^}]*\})*\}|[^`\\])*`"""
    r"""|[\w$#]+|\s+|.""",
    re.DOTALL,
)


def in_script(source: str) -> list[str]:
    """Texts of a script that read like words and are no message."""
    found, before = [], ["", ""]
    inside = 0  # of how many brackets of a message
    for token in SCRIPT.findall(source):
        if token.startswith(("//", "/*")) or token.isspace():
            continue
        if inside:
            inside += {"(": 1, ")": -1}.get(token, 0)
        elif token == "(" and before[-1] in MARKS and before[-2] not in {".", "function"}:
            inside = 1
        elif token[0] in "\"'`" and before[-1] != "from":
            text = re.sub(r"\$\{.*?\}", "", token[1:-1])
            if re.search(r"[a-z]{2,},? [a-z]{2,}|[a-z]{2,}[.…]$", text):
                found.append(text)
        before = [before[-1], token]
    return found
