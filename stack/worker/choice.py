"""Which object in a module is the application."""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from .reports import Refusal, reason, say, told

Application = Callable[..., Any]

# Looked for in this order, which is Flask's.
NAMES = ("application", "app")
FACTORIES = ("create_app", "make_app")


def discovered(names: Sequence[str]) -> Application:
    """Take the first module in which there is something to serve, and say which it was."""
    for name in names:
        subject = f"APP_MODULE is not set, and {name} was found"
        module = imported(name, subject)
        if choice := choose(module, subject):
            found = getattr(module, choice)
            factory = choice in FACTORIES
            if factory:
                found = called(found, choice, subject)
            say(f"serving {name}:{choice}{'()' if factory else ''}, as APP_MODULE is not set")
            return checked(found, subject)
    looked = ", ".join(names)
    raise Refusal(
        f"APP_MODULE is not set, and {looked} has neither application, app, create_app() nor "
        f"make_app(); {offer(sys.modules[names[0]])}name what to serve: APP_MODULE={names[0]}:NAME"
    )


def choose(module: ModuleType, subject: str) -> str | None:
    """Choose what to serve from a module as `flask run` does."""
    for name in NAMES:
        if callable(getattr(module, name, None)):
            return name
    flasks = [name for name, value in vars(module).items() if is_flask(value)]
    if len({id(getattr(module, name)) for name in flasks}) > 1:
        raise Refusal(
            f"{subject}: it has several applications, {', '.join(flasks)}; "
            f"say which one is meant: APP_MODULE={module.__name__}:{flasks[0]}"
        )
    factories = [name for name in FACTORIES if callable(getattr(module, name, None))]
    return next(iter(flasks + factories), None)


def is_flask(value: object) -> bool:
    """Say whether this is a Flask application; without Flask imported, nothing is one."""
    flask = sys.modules.get("flask")
    return flask is not None and isinstance(value, flask.Flask)


def imported(name: str, subject: str) -> ModuleType:
    """Import a module; a Refusal holds the traceback, of the application's own frames only."""
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise Refusal(f"{subject}: {reason(error)}", told(error)) from None


def attribute(module: ModuleType, name: str, subject: str) -> Any:
    """Get an attribute, or an attribute's, of a module."""
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise Refusal(
                f"{subject}: {module.__name__} has no {name}; {offer(module, name)}"
                "write what it is called there"
            )
        found = getattr(found, part)
    return found


def offer(module: ModuleType, name: str = "") -> str:
    """List what in a module can be called, the nearest name first."""
    own = [
        each
        for each, value in vars(module).items()
        if callable(value)
        and not each.startswith("_")
        and (getattr(value, "__module__", None) == module.__name__ or is_application(value))
    ]
    close = difflib.get_close_matches(name, own, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"what can be called in it: {', '.join(own)}; {guess}" if own else ""


def is_application(value: object) -> bool:
    """Say whether an object, but not a class or function that was imported, can be called."""
    return callable(value) and not inspect.isclass(value) and not inspect.isroutine(value)


def is_factory(value: object) -> bool:
    """Say whether a function can be called without arguments, which no WSGI application can."""
    return inspect.isfunction(value) and binds(value)


def binds(function: Application, *args: Any, **kwargs: Any) -> bool:
    """Say whether a function takes these arguments."""
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    except ValueError:  # some built-in functions have no signature
        pass
    return True


def called(function: Any, name: str, subject: str, args: Any = (), kwargs: Any = None) -> Any:
    """Call a factory; whatever it raises becomes a Refusal."""
    kwargs = kwargs or {}
    if not callable(function) or is_flask(function):
        raise Refusal(f"{subject}: {name} is no function but {kind(function)}; leave out the ()")
    if not binds(function, *args, **kwargs):
        raise Refusal(
            f"{subject}: {name} wants other arguments, {name}{inspect.signature(function)}; "
            f'write them out, as in APP_MODULE=module:{name}("production")'
        )
    try:
        return function(*args, **kwargs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise Refusal(f"{subject}: {reason(error, f'{name}() fails')}", told(error)) from None


def kind(value: object) -> str:
    """Name a value's kind, for a message."""
    return "None" if value is None else f"a {type(value).__name__}"


def checked(found: Any, subject: str) -> Application:
    """Make sure that something is a WSGI application, as far as that can be seen."""
    if found is None:
        raise Refusal(
            f"{subject}: is None; if it is a factory's result, the factory must return it"
        )
    if not callable(found):
        raise Refusal(f"{subject}: is {kind(found)}, which cannot be called; name the application")
    if inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(type(found).__call__):
        raise Refusal(
            f"{subject}: is an ASGI application, and this serves WSGI; "
            "wrap it, for example in a2wsgi.ASGIMiddleware"
        )
    application: Application = found
    return application
