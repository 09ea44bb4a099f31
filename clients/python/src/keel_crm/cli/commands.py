"""Commands of the resources: one for each operation, built from its description."""

import inspect
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from keel_crm.cli import output
from keel_crm.cli.failures import Exit, Stop
from keel_crm.cli.shell import Shell
from keel_crm.operations import OPERATIONS
from keel_crm.schema import Field, Operation

# Signing in and out has its own commands.
_ELSEWHERE: Final = ("auth", "oauth")
_PYTHON: Final = {"text": str, "integer": int, "number": float, "boolean": bool, "texts": list[str], "json": str}
_PAGE: Final = 25
_LARGEST_PAGE: Final = 100

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON Lines, also on a terminal.")]
Data = Annotated[str, typer.Option("--data", help="The fields as JSON. @FILE reads a file, - reads standard input.")]
Clear = Annotated[list[str], typer.Option("--clear", help="Empty this field. Can be repeated.")]
Most = Annotated[int, typer.Option("--limit", min=1, help="Maximum number of records to show.")]
All = Annotated[bool, typer.Option("--all", help="Show all records.")]


def add_resources(app: typer.Typer, extra: dict[str, Callable[..., None]]) -> None:
    """Add a group of commands for each resource. `extra` are additional commands by resource. One with the name of an
    operation replaces its command."""
    groups: dict[str, typer.Typer] = {}
    for operation in OPERATIONS.values():
        if operation.resource in _ELSEWHERE:
            continue
        if operation.resource not in groups:
            groups[operation.resource] = _group(app, operation.resource)
        name = operation.method.replace("_", "-")
        groups[operation.resource].command(name, help=operation.summary)(_command(operation))
        if operation.method == "list" and any(field.name == "search" for field in operation.fields):
            groups[operation.resource].command("search", help="Search; all words must match.")(_search(operation))
    for resource, command in extra.items():
        groups[resource].command()(command)


def _group(app: typer.Typer, resource: str) -> typer.Typer:
    verbs = [each.method.replace("_", "-") for each in OPERATIONS.values() if each.resource == resource]
    group = typer.Typer(no_args_is_help=True, help=", ".join(verbs))
    app.add_typer(group, name=resource.replace("_", "-"))
    return group


def _search(operation: Operation) -> Callable[..., None]:
    list_command = _command(operation, exclude=("search",))

    def search(text: list[str], **options: Any) -> None:
        list_command(**options, search=" ".join(text))

    words = Annotated[list[str], typer.Argument(help="Words to search for. Each matches the start of a word.")]
    parameters = [_parameter("text", words), *inspect.signature(list_command).parameters.values()]
    search.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return search


def _command(operation: Operation, *, exclude: tuple[str, ...] = ()) -> Callable[..., None]:
    """A function for typer, with the fields of the operation as its parameters."""

    def command(ctx: typer.Context, **options: Any) -> None:
        body = _body(operation, options)
        shell: Shell = ctx.obj
        if operation.paged:
            _show_pages(shell, operation, body, options)
        else:
            with shell.client() as client:
                _show(operation, client.call(operation.name, body), json_lines=options["json_"])

    taken = (*exclude, *(("cursor", "limit") if operation.paged else ()))
    fields = [field for field in operation.fields if field.name not in taken]
    parameters = [_parameter("ctx", typer.Context), *map(_of_field, fields), _parameter("data", Data, "")]
    if operation.method == "update":
        parameters.append(_parameter("clear", Clear, []))
    if operation.paged:
        parameters += [_parameter("most", Most, _PAGE), _parameter("all_", All, False)]
    command.__signature__ = inspect.Signature([*parameters, _parameter("json_", AsJson, False)])  # type: ignore[attr-defined]
    return command


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    # Keyword-only, so that parameters without a default may come in any position.
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _of_field(field: Field) -> inspect.Parameter:
    if field.name == "id":
        return _parameter("id", Annotated[str, typer.Argument(show_default=False)])
    option = f"--{field.name.replace('_', '-')}"
    help_ = "; ".join(filter(None, [
        "required" if field.required else "",
        f"one of {', '.join(field.choices)}" if field.choices else "",
        "as JSON" if field.kind == "json" else "",
        "can be repeated" if field.kind == "texts" else "",
    ]))  # fmt: skip
    declared = f"{option}/--no{option[1:]}" if field.kind == "boolean" else option
    info = typer.Option(declared, help=help_, show_default=False)
    return _parameter(field.name, Annotated[_PYTHON[field.kind] | None, info], None)


def _body(operation: Operation, options: dict[str, Any]) -> dict[str, Any]:
    body = read_data(operation, options["data"])
    for field in operation.fields:
        value = options.get(field.name)
        if value is None or value == []:
            continue
        body[field.name] = _read_json(value, field.name) if field.kind == "json" else value
    cleared = options.get("clear") or ()
    if wrong := operation.unknown(cleared):
        raise Stop(f"--clear: {wrong}", Exit.USAGE)
    return body | dict.fromkeys(cleared)


def read_data(operation: Operation, text: str) -> dict[str, Any]:
    """The JSON object in the option `--data`."""
    if not text:
        return {}
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Stop(f"--data: {error}", Exit.USAGE) from None
    body = _read_json(text, "data")
    if not isinstance(body, dict):
        raise Stop("--data must be a JSON object", Exit.USAGE)
    if wrong := operation.unknown(body):
        raise Stop(f"--data: {wrong}", Exit.USAGE)
    return body


def _read_json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Stop(f"--{name.replace('_', '-')} must be JSON: {error}", Exit.USAGE) from None


def _show_pages(shell: Shell, operation: Operation, body: dict[str, Any], options: dict[str, Any]) -> None:
    most = None if options["all_"] else options["most"]
    # Request one record more than is shown, to know whether there are more.
    size = _LARGEST_PAGE if most is None else min(most + 1, _LARGEST_PAGE)
    with shell.client() as client:
        records = client.pages(operation.name, body | {"limit": size})
        output.show_records(itertools.islice(records, most), _columns(operation), json_lines=options["json_"])
        if most is not None and next(records, None) is not None:
            output.note(f"There are more than {most} records. Use --limit N or --all.")


def _show(operation: Operation, result: dict[str, Any], *, json_lines: bool) -> None:
    records = result.get("items", result.get("users"))
    if isinstance(records, list):
        output.show_records(_objects(records), _columns(operation), json_lines=json_lines)
    else:
        output.show_record(result, json_lines=json_lines)


def _objects(records: list[Any]) -> Iterator[dict[str, Any]]:
    yield from (record if isinstance(record, dict) else {"value": record} for record in records)


def _columns(operation: Operation) -> tuple[str, ...]:
    own = f"{operation.resource}_{operation.method}"
    return output.COLUMNS.get(own) or output.COLUMNS.get(operation.resource, ("id",))
