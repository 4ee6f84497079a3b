"""sos_reports/manifest.json: which plugins a sosreport was made with, and which of them ran out of time.

Source: sos 4.0 and newer: class SoSMetadata in sos/component.py, generate_manifest_metadata() in sos/report/__init__.py
Needs: nothing. A plugin that was left out is not among ``plugins``.

Example::

    {"version": "4.2", "cmdline": "report --batch",
     "components": {"report": {"preset": "none", "disabled_plugins": ["lvm2"],
      "plugins": {"cgroups": {"timeout_hit": false, "commands": []}, "memory": {"timeout_hit": false}}}}}
"""

from msgspec import Struct, ValidationError, json

from unreclaim.base.errors import ParseError

FILE = "sos_reports/manifest.json"


class _Plugin(Struct, frozen=True):
    timeout_hit: bool = False


class _Report(Struct, frozen=True):
    plugins: dict[str, _Plugin]
    preset: str | None = None
    disabled_plugins: tuple[str, ...] = ()


class _Components(Struct, frozen=True):
    report: _Report


class _Manifest(Struct, frozen=True):
    components: _Components
    version: str | None = None


class SosManifest(Struct, frozen=True):
    """How a report was made: the plugins that ran, those that ran out of time, those that were switched off.

    preset: what sos chose for this kind of host (``ocp``: OpenShift); None: nothing.
    """

    plugins: frozenset[str]
    timed_out: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()
    preset: str | None = None
    version: str | None = None


def parse_sos_manifest(text: str, *, file: str = FILE) -> SosManifest:
    """Read a manifest; what is not needed of it, which is nearly all, is passed over.

    Raises:
        ParseError: no JSON, or a value of another type.

    """
    try:
        manifest = json.decode(text, type=_Manifest)
    except ValidationError as error:
        raise ParseError(file, 0, str(error)) from None
    except (ValueError, RecursionError):
        raise ParseError(file, 0, "no JSON") from None
    report = manifest.components.report
    return SosManifest(
        frozenset(report.plugins),
        frozenset(name for name, plugin in report.plugins.items() if plugin.timeout_hit),
        frozenset(report.disabled_plugins),
        None if report.preset in ("none", "unset") else report.preset,
        manifest.version,
    )
