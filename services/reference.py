"""`make docs`: the reference pages and `ngoclinh.example.toml`, written from the code that they describe."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ngoclinh.type.v1.access_pb2 import Access, Scope
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from services.core.config import ENV_PREFIX, Settings
from services.core.sections.base import Section
from services.rpc import methods
from services.rpc.caller import encode_roles
from services.rpc.comments import comment

ROOT = Path(__file__).parents[1]
NOTE = "<!-- Written by `make docs`; change the code instead. -->\n"


def pages() -> dict[str, str]:
    """Text of every generated file by its path in the repository."""
    made: dict[str, Callable[[], str]] = {
        "docs/reference/rules.md": rules,
        "docs/reference/settings.md": settings,
        "docs/reference/rpcs.md": rpcs,
        "docs/reference/sources.md": sources,
        "docs/reference/cli.md": cli,
        "docs/reference/fields.md": fields,
        "docs/reference/monitoring.md": monitoring,
        "docs/operate.md": lambda: operate("en"),
        "docs/operate.vi.md": lambda: operate("vi"),
        "k8s/monitoring/alerts.yaml": alerts,
        "k8s/monitoring/prometheus-rule.yaml": prometheus_rule,
        "k8s/monitoring/grafana-dashboard.json": grafana,
        "ngoclinh.example.toml": example,
    }
    return {path: make() for path, make in made.items()} | kibana()


def main() -> None:
    """Write every page."""
    for path, text in pages().items():
        file = ROOT / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def rules() -> str:
    """The catalogue of rules."""
    from gis.rules import RULES

    found = sorted(RULES.values(), key=lambda rule: rule.code)
    rows = [(rule.code, f"[`{rule.id}`](#{rule.code.lower()})", *rule.title, rule.severity.name) for rule in found]
    parts = [
        "# Rules\n\n" + NOTE + "\nThe checks that a sheet of parcels passes at import; how to add one: "
        "[add-a-rule.md](../add-a-rule.md).\n",
        _table(("code", "id", "tiêu đề", "title", "severity"), rows),
    ]
    for rule in found:
        facts = {
            "Rule": f"`{rule.id}`",
            "Severity": rule.severity.name,
            "Scope": rule.scope.name.lower(),
            "Limit": rule.limit or "–",
            "Basis": rule.basis,
            "Since": rule.since,
        }
        listed = "\n".join(f"- {name}: {value}" for name, value in facts.items())
        parts.append(
            f"## {rule.code}\n\n**{rule.title[0]}** ({rule.title[1]}). {rule.summary}\n\n{listed}\n\n{rule.description}\n"
        )
    return "\n".join(parts)


def settings() -> str:
    """Every setting with its default."""
    rows = [
        (f"`{key}`", f"`{_toml(default)}`" if default is not None else "–", text)
        for key, default, text in _settings(Settings)
    ]
    return (
        "# Settings\n\n"
        + NOTE
        + "\nPrecedence: default, `ngoclinh.toml` (or `--config FILE`), environment, flag. The variable "
        f"of `gateway.port` is `{ENV_PREFIX}GATEWAY__PORT`. An unknown key is an error.\n\n"
        + _table(("key", "default", "meaning"), rows)
    )


def example() -> str:
    """Every setting as a commented TOML file."""
    lines = ["# Every setting with its default. Written by `make docs`.\n"]
    section = ""
    for key, default, text in _settings(Settings):
        *parents, name = key.split(".")
        if ".".join(parents) != section:
            section = ".".join(parents)
            lines.append(f"\n[{section}]\n")
        lines.append(f"# {text}\n{'' if default is not None else '# '}{name} = {_toml(default)}\n")
    return "\n".join(lines)


def rpcs() -> str:
    """Every service and method, its REST form, its request."""
    parts = [
        "# RPCs\n\n" + NOTE + "\nThe messages are described in `protos/` and, for REST, in `/openapi.json`. "
        "Role: the least one, see [security.md](../security.md). Areas: which fields must be of the caller's watch areas, "
        "for those who may see some only.\n"
    ]
    for service in methods.services():
        parts.append(f"## {service.full_name}\n\n{comment(service.full_name)}\n")
        rows = []
        for method in service.methods:
            rule = methods.http_rule(method)
            verb = rule.WhichOneof("pattern") if rule else ""
            form = f"`{verb.upper()} {getattr(rule, verb)}`" if rule and verb else "–"
            given = f"{'stream ' if method.client_streaming else ''}`{method.input_type.name}`"
            answer = f"{'stream ' if method.server_streaming else ''}`{method.output_type.name}`"
            access = methods.access(method)
            role = encode_roles([access.role]).replace("_", " ")
            rows.append((f"`{method.name}`", form, given, answer, role, _areas(access), comment(method.full_name)))
        parts.append(_table(("method", "REST", "request", "answer", "role", "areas", "what it does"), rows))
    return "\n".join(parts)


def _areas(access: Access) -> str:
    """What becomes of a call of somebody who may see some watch areas only."""
    if access.scope == Scope.SCOPE_NONE:
        return "–"
    if access.scope == Scope.SCOPE_OFFICE:
        return "whole office"
    parts = [f"`{path}`" for path in access.request_areas]
    parts += [f"answer `{path}`" for path in access.answer_areas]
    every = ", all of its areas" if access.lookup.all else ""
    return ", ".join([*parts, *([f"as `{access.lookup.method}`{every}"] if access.HasField("lookup") else [])])


def sources() -> str:
    """The sources of the package."""
    from crawlers import catalogue

    rows = [
        (f"`{source.id}`", source.title, source.home, source.tier, f"`{source.profile}`",
         ", ".join(each.kind for each in source.discover), source.licence)
        for source in sorted(catalogue.load(), key=lambda source: source.id)
    ]  # fmt: skip
    return (
        "# Sources\n\n"
        + NOTE
        + "\nOutlets that the crawler knows; how to add one: [add-a-source.md](../add-a-source.md).\n\n"
        + _table(("id", "title", "home", "tier", "profile", "discovery", "what its robots.txt or terms say"), rows)
    )


def fields() -> str:
    """What analysts can ask for in Kibana."""
    from services.kibana.views import views

    parts = [
        "# Fields in Kibana\n\n" + NOTE + "\nWhat articles, sources and alerts are asked for by; how to use it: "
        "[analysts.md](../analysts.md). In KQL a field is written by its name, a code by its code.\n"
    ]
    for view in views(Settings().elasticsearch.alias).values():
        rows = [
            (
                f"`{field.name}`",
                field.label,
                field.type,
                ", ".join(f"`{code}` {called}" for code, called in field.values),
            )
            for field in view.fields
        ]
        time = f", by `{view.time_field}`" if view.time_field else ", whatever the range of time"
        parts.append(
            f"## {view.title.vi} ({view.title.en})\n\nIndex `{view.index}`{time}.\n\n"
            + _table(("field", "label", "type", "codes"), rows)
        )
    return "\n".join(parts)


def monitoring() -> str:
    """Every metric, every alert and what to do."""
    from services.core.metrics import CATALOGUE
    from services.monitoring.alerts import ALERTS, CLUSTER_ALERTS, Alert

    def told(alerts: Sequence[Alert]) -> list[str]:
        return [
            f"### {alert.name}\n\n{alert.vi} {alert.do_vi}\n\n{alert.en} {alert.do_en}\n\n"
            f"- Severity: {alert.severity}, after {alert.wait}\n- Condition: `{alert.expr}`\n"
            for alert in alerts
        ]

    rows = [
        (f"`{each.name}`", each.kind, ", ".join(f"`{label}`" for label in each.labels) or "–", each.vi, each.en)
        for each in CATALOGUE.values()
    ]
    parts = [
        "# Metrics and alerts\n\n" + NOTE + "\nHow to use them: [monitoring.md](../monitoring.md).\n\n## Metrics\n",
        _table(("name", "kind", "labels", "ý nghĩa", "meaning"), rows),
        "## Alerts\n",
        *told(ALERTS),
        "## Alerts on Kubernetes\n\nWith the component `monitoring`, over the figures of kube-state-metrics and the kubelets.\n",
        *told(CLUSTER_ALERTS),
    ]
    return "\n".join(parts)


def operate(lang: str) -> str:
    """The guide to running it, with what to do for each alert in its place; the rest of it is written by hand."""
    from services.monitoring.alerts import ALERTS

    file = ROOT / ("docs/operate.vi.md" if lang == "vi" else "docs/operate.md")
    before, begin, rest = file.read_text(encoding="utf-8").partition("<!-- alerts: written by `make docs` -->\n")
    _, end, after = rest.partition("<!-- end of alerts -->\n")
    heads = ("cảnh báo", "nghĩa là", "làm") if lang == "vi" else ("alert", "it means", "do")
    rows = [
        (
            f"`{alert.name}`" + (" **!**" if alert.severity == "critical" else ""),
            getattr(alert, lang),
            getattr(alert, f"do_{lang}"),
        )
        for alert in ALERTS
    ]
    note = (
        "**!**: cần xử lý ngay; còn lại: trong ngày.\n" if lang == "vi" else "**!**: now; the others: within a day.\n"
    )
    return f"{before}{begin}\n{_table(heads, rows)}\n{note}\n{end}{after}"


def alerts() -> str:
    """The rules of Prometheus."""
    from services.monitoring.alerts import rules

    return rules()


def prometheus_rule() -> str:
    """The same rules, and those over the figures of Kubernetes, as an object for the operator of Prometheus."""
    from services.monitoring.alerts import CLUSTER_ALERTS, rules

    comment, _, groups = alerts().partition("\n")
    groups += rules(CLUSTER_ALERTS, "ngoclinh-kubernetes").partition("groups:\n")[2]
    head = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: ngoclinh\nspec:\n"
    return f"{comment}\n{head}{textwrap.indent(groups, '  ')}"


def grafana() -> str:
    """The dashboard of Grafana."""
    from services.monitoring.grafana import dashboard

    return dashboard()


def kibana() -> dict[str, str]:
    """The dashboards as files, for operators who have no Python at hand."""
    from services.kibana.boards import DASHBOARDS
    from services.kibana.files import files
    from services.kibana.ids import Ids
    from services.kibana.views import views

    alias = Settings().elasticsearch.alias
    forms = [files(form, DASHBOARDS, views(alias), Ids(alias), "vi") for form in ("dashboards", "ndjson")]
    return {f"k8s/kibana/{path}": text for form in forms for path, text in form.items()}


def cli() -> str:
    """Every command with its arguments and options."""
    import typer

    from services.cli import app

    group = typer.main.get_group(app)
    context = typer.Context(group, info_name="ngoclinh")
    parts = ["# Command line\n\n" + NOTE + "\n" + _options(group) + "\n"]
    for name in group.list_commands(context):
        parts += _command(group.get_command(context, name), f"ngoclinh {name}")
    return "\n".join(parts)


def _command(command: Any, path: str) -> Iterator[str]:
    children = getattr(command, "commands", {})
    text = inspect.cleandoc(command.help or "")
    yield f"## `{path}`\n\n{text}\n\n{_options(command)}"
    for name, child in children.items():
        yield from _command(child, f"{path} {name}")


def _options(command: Any) -> str:
    rows = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        is_option = parameter.param_type_name == "option"
        name = ", ".join(f"`{each}`" for each in parameter.opts) if is_option else f"`{parameter.name.upper()}`"
        rows.append((name, getattr(parameter, "help", "") or ""))
    return _table(("option", "meaning"), rows) if rows else ""


def _settings(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Key, default (None where there is none) and meaning of every setting, plain ones before sections."""
    fields = sorted(section.model_fields.items(), key=lambda item: _section_of(item[1]) is not None)
    for name, field in fields:
        inner = _section_of(field)
        if inner is not None:
            yield from _settings(inner, f"{prefix}{name}.")
        elif name == "watch_areas":
            for id_, area in field.default.items():
                for key, value in area.model_dump().items():
                    text = type(area).model_fields[key].description or ""
                    yield f"watch_areas.{id_}.{key}", value, text
        else:
            yield f"{prefix}{name}", _plain(field.default), field.description or ""


def _section_of(field: FieldInfo) -> type[Section] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _plain(value: Any) -> Any:
    """A default that a file can hold; None where it is computed or not set."""
    return value if isinstance(value, (bool, int, float, str, list)) else None


def _toml(value: Any) -> str:
    return '""' if value is None else json.dumps(value, ensure_ascii=False)


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join([line(headers), line(["---"] * len(headers)), *map(line, rows)]) + "\n"


if __name__ == "__main__":
    main()
