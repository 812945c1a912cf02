"""The documents say what the code does: settings, commands, routes, pictures."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from app.jobs.models import PaintRequest
from app.main import create_app
from app.settings import Settings
from tests.bench import ROOT
from worker.shell.parser import build

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "models" / "README.md"]
OPERATING = (ROOT / "docs" / "operating.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    default = Settings.model_fields[name].default
    shown = "–" if default is None else str(default)
    description = Settings.model_fields[name].description
    assert f"| `ATELIER_{name.upper()}` | {shown} | {description} |" in OPERATING


def test_no_setting_is_documented_that_is_none() -> None:
    documented = set(re.findall(r"^\| `ATELIER_(\w+)`", OPERATING, re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        named = set(re.findall(r"`make ([a-z]+)`|^ +make ([a-z]+)", document.read_text(), re.MULTILINE))
        assert {first or second for first, second in named} <= targets, document


def test_every_option_of_the_command_line_that_a_document_names_exists() -> None:
    commands: Any
    (commands,) = (action.choices for action in build()._actions if action.choices)
    known = {option for command in commands.values() for action in command._actions for option in action.option_strings}
    for document in DOCUMENTS:
        for line in re.findall(r"atelier paint [^\n`]*", document.read_text()):
            assert set(re.findall(r"(?<!\S)--?[a-z-]+", line)) <= known, line


def test_every_route_that_a_document_names_exists() -> None:
    routes = set(create_app(Settings()).openapi()["paths"]) | {"/healthz", "/readyz", "/docs"}
    for document in DOCUMENTS:
        for path in re.findall(r"`(?:GET|POST) (/[^\s`?]*)`", document.read_text()):
            assert path in routes, (document, path)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_linked_file_is_there(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_module_that_is_named_is_there(document: Path) -> None:
    for path in re.findall(r"`((?:\w+/)+\w+\.py)`", document.read_text()):
        is_there = any((ROOT / top / path).is_file() for top in ("", "tests", "app", "worker"))
        assert is_there or "NAME" in path, path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_name_is_in_the_module_where_it_is_said_to_be(document: Path) -> None:
    for first, second, path in re.findall(r"`(\w+)`(?: and `(\w+)`)? in `((?:\w+/)+\w+\.py)`", document.read_text()):
        text = (ROOT / path).read_text()
        for name in filter(None, (first, second)):
            assert re.search(rf"^(?:class|def|async def) {name}\b|^ *{name}\b.*=", text, re.MULTILINE), (name, path)


def test_the_map_has_every_module_once() -> None:
    (tree,) = re.findall(r"```\n(app/.*?)```", (ROOT / "docs" / "architecture.md").read_text(), re.DOTALL)
    named: list[str] = []
    folders: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        first = line.split()[0]
        if first.endswith("/"):
            folders[depth:] = [first.rstrip("/")]
        else:
            named += ["/".join([*folders[:depth], name]) for name in line.split()]
    modules = [path for folder in ("app", "worker", "launcher") for path in (ROOT / folder).rglob("*.py")]
    there = [str(path.relative_to(ROOT).with_suffix("")) for path in modules if path.stem != "__init__"]
    assert sorted(named) == sorted(there)


def test_every_file_that_a_recipe_for_changes_names_is_there() -> None:
    recipes = (ROOT / "docs" / "changing.md").read_text()
    named = set(re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:py|html|txt|yml))`", recipes))
    assert len(named) > 25
    assert not [
        name for name in named if not any(word in name for word in ("NAME", "ID")) and not (ROOT / name).is_file()
    ]


def test_every_fault_that_is_provoked_is_documented_as_it_is_provoked() -> None:
    table = (ROOT / "docs" / "faults.md").read_text()
    provoked = set()
    for module in (ROOT / "tests" / "faults").glob("test_*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.faults":
                number, how = (ast.literal_eval(argument) for argument in node.args)
                if number.startswith("F"):  # the GPU has a table of its own
                    assert f"| {number} | {how} |" in table, module
                    provoked.add(number)
    assert provoked == {f"F{number}" for number in range(1, 24)}


def test_every_option_is_in_the_table_of_features() -> None:
    table = (ROOT / "docs" / "features.md").read_text()
    assert [name for name in PaintRequest.model_fields if name != "photo" and f"`{name}`" not in table] == []


def test_every_test_that_the_table_of_features_names_exists() -> None:
    table = (ROOT / "docs" / "features.md").read_text()
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", table)
    assert len(named) > 30
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(), (file, test)
