"""Every template stands by itself: it compiles, and what it names is there. `make check` runs this, too.

Jinja2 itself finds most of it only when a page with just that branch is asked for.
"""

import ast

import pytest
from jinja2 import Environment, meta, nodes

from app.main import create_app
from app.settings import Settings
from tests.bench import ROOT

NAMES = sorted(path.name for path in (ROOT / "templates").glob("*.html"))
Trees = dict[str, nodes.Template]


@pytest.fixture(scope="module")
def environment() -> Environment:
    """The environment that the pages use."""
    found: Environment = create_app(Settings()).state.templates.env
    return found


@pytest.fixture(scope="module")
def trees(environment: Environment) -> Trees:
    """The syntax tree of each template; none is there if one of them can't be parsed."""
    return {name: environment.parse((ROOT / "templates" / name).read_text(), name) for name in NAMES}


@pytest.fixture(scope="module")
def given(environment: Environment, trees: Trees) -> set[str]:
    """All names that a template may find: the environment's, those that templates set, and what pages may hand over,
    which is every word that the front end's code has as a text or as an argument's name."""
    names = set(environment.globals)
    for parsed in trees.values():
        names |= {each.name for each in parsed.find_all(nodes.Name) if each.ctx == "store"}
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
            elif isinstance(node, ast.keyword) and node.arg:
                names.add(node.arg)
    return names


def macros(parsed: nodes.Template) -> dict[str, nodes.Macro]:
    """The macros that a template defines."""
    return {macro.name: macro for macro in parsed.find_all(nodes.Macro)}


def imported(trees: Trees, name: str) -> dict[str, nodes.Macro | None]:
    """What a template imports, under the names that it uses; None for what is not there."""
    found = {}
    for line in trees[name].find_all(nodes.FromImport):
        assert isinstance(line.template, nodes.Const)
        offered = macros(trees[line.template.value])
        for each in line.names:
            theirs, ours = each if isinstance(each, tuple) else (each, each)
            found[ours] = offered.get(theirs)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_template_compiles_with_filters_and_tests_that_exist(
    environment: Environment, trees: Trees, name: str
) -> None:
    environment.get_template(name)
    assert {each.name for each in trees[name].find_all(nodes.Filter)} <= set(environment.filters)
    assert {each.name for each in trees[name].find_all(nodes.Test)} <= set(environment.tests)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_includes_and_imports_what_exists(trees: Trees, name: str) -> None:
    assert set(meta.find_referenced_templates(trees[name])) <= set(NAMES)
    assert [each for each, macro in imported(trees, name).items() if macro is None] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_template_calls_macros_with_what_they_take(trees: Trees, name: str) -> None:
    known = imported(trees, name) | macros(trees[name])
    for call in trees[name].find_all(nodes.Call):
        macro = known.get(call.node.name) if isinstance(call.node, nodes.Name) else None
        if macro is None:
            continue
        taken = [argument.name for argument in macro.args]
        named = [argument.key for argument in call.kwargs]
        assert len(call.args) <= len(taken), (macro.name, call.lineno)
        assert set(named) <= set(taken), (macro.name, call.lineno)
        needed = set(taken[: len(taken) - len(macro.defaults)])
        assert needed <= {*taken[: len(call.args)], *named}, (macro.name, call.lineno)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_uses_names_that_somebody_gives(trees: Trees, given: set[str], name: str) -> None:
    assert meta.find_undeclared_variables(trees[name]) - given == set()


@pytest.mark.parametrize("name", NAMES)
def test_what_a_template_calls_is_a_macro_or_belongs_to_all_pages(
    environment: Environment, trees: Trees, name: str
) -> None:
    called = {each.node.name for each in trees[name].find_all(nodes.Call) if isinstance(each.node, nodes.Name)}
    assert called & meta.find_undeclared_variables(trees[name]) <= set(environment.globals)
