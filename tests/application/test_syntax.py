"""What is not valid Python: found where it is certain to be imported, and only named elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.application import syntax

BROKEN = "def hello(:\n    pass\n"


def lay(folder: Path, **files: str) -> Path:
    """Write modules; a _ stands for a folder, and an init alone for its own file."""
    for name, text in files.items():
        path = folder / f"{name.replace('_', '/').replace('init', '__init__')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def found(folder: Path, module: str = "app") -> list[str]:
    """Describe what keeps a module from being imported."""
    return list(syntax.certain(folder, [module]))


@pytest.mark.parametrize(
    "text",
    [
        BROKEN,
        "print 'hello'\n",
        "return 1\n",
        "if True:\npass\n",
        "x = '\ud800'.encode(\n",
        "async def f(): pass\nawait f()\n",
        "# coding: no-such-coding\n",
        "x = (\n",
        "def f():\n    x = 1\n    global x\n",
    ],
)
def test_what_python_refuses_is_described_with_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "app.py").write_bytes(text.encode(errors="surrogatepass"))
    (mistake,) = found(tmp_path)
    assert mistake.startswith(f"{tmp_path}/app.py, line ")
    assert mistake.endswith("; correct it")
    with pytest.raises((SyntaxError, UnicodeDecodeError)):
        compile((tmp_path / "app.py").read_bytes(), "app.py", "exec")


@pytest.mark.parametrize(
    "text",
    ["import shop.cart", "from shop.cart import x", "from shop import cart", "import x, shop.cart"],
)
def test_imports_are_followed(tmp_path: Path, text: str) -> None:
    lay(tmp_path, app=f"{text}\n", shop_cart=BROKEN)
    assert len(found(tmp_path)) == 1
    lay(tmp_path, shop_init="")
    assert len(found(tmp_path)) == 1


def test_imports_from_the_same_package_are_followed(tmp_path: Path) -> None:
    lay(tmp_path, shop_init="from .cart import x\nfrom . import y\n", shop_cart=BROKEN)
    lay(tmp_path, shop_deep_init="", shop_deep_web="from ..other import x\n")
    lay(tmp_path, shop_other=BROKEN)
    assert len(found(tmp_path, "shop")) == 1
    assert len(found(tmp_path, "shop.deep.web")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import part\nexcept Exception: part = None\n",
        "import sys\nif sys.version_info < (3,):\n    import part\n",
        "def later():\n    import part\n",
        "import sys\nsys.modules['part'] = sys\nimport part\n",
        "import nothing_of_this_name\n",
        "from ... import part\n",
    ],
)
def test_what_may_never_be_imported_does_not_end_a_start(tmp_path: Path, text: str) -> None:
    lay(tmp_path, app=text, part=BROKEN)
    assert found(tmp_path) == []


@pytest.mark.parametrize("name", ["string", "flask"])
def test_what_python_itself_or_a_package_has_is_not_looked_at(tmp_path: Path, name: str) -> None:
    lay(tmp_path, app=f"import {name}\n")
    lay(tmp_path, **{name: BROKEN})
    assert found(tmp_path) == []


def test_a_name_that_a_package_may_have_itself_is_not_taken_for_a_module(tmp_path: Path) -> None:
    lay(tmp_path, app="from shop import cart\n", shop_init="cart = 1\n", shop_cart=BROKEN)
    assert found(tmp_path) == []


def test_circles_end(tmp_path: Path) -> None:
    lay(tmp_path, app="import os.path, part\n", part="import app, app.x\n")
    assert found(tmp_path) == []


def test_other_files_are_named_and_installed_packages_are_not(tmp_path: Path) -> None:
    lay(tmp_path, app="", old_script=BROKEN, deep_node_x=BROKEN, venv_lib_x=BROKEN)
    (tmp_path / "venv/pyvenv.cfg").touch()
    (tmp_path / "deep/node").rename(tmp_path / "deep/node_modules")
    (named,) = syntax.elsewhere(tmp_path)
    assert named.startswith(f"{tmp_path}/old/script.py, line 1: 'def hello(:': is not valid Python")
    lay(tmp_path, **{f"many_m{number}": BROKEN for number in range(10)})
    assert len([*syntax.elsewhere(tmp_path)]) == syntax.MOST_NAMED + 1
