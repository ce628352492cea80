"""Profile files: what is known of a meter model, as data that a site engineer can read and mend.

A profile is a JSON file `<name>.json`. meterd ships some beside the protocol's modules; a site keeps its own in
`/etc/meterd/profiles/<protocol>` (or `<METERD_PROFILES>/<protocol>`). A site file merges key by key over the shipped
one of the same name; `extends` names another profile to begin from; null takes a key away. What a device's profile
comes to is kept with the device, so that a reload after an edit plans it anew.

A broken profile stops the devices that use it, and no others; its errors name file, line and key. What may stand in a
profile only its protocol knows (`profile_faults` of its tables).
"""

from __future__ import annotations

from posix import listdir

from ..errors import ConfigError
from ..paths import environment, exists, is_folder, join, parent
from ..protocols import registry
from .source import Source, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType
    from typing import Any

    from .validation import Complain

    Content = dict[str, Any]

SITE_DIRECTORY = "/etc/meterd/profiles"
ENVIRONMENT = "METERD_PROFILES"
SUFFIX = ".json"
# A profile that extends one that extends one…
MAX_DEPTH = 8


def site_directory(package: str) -> str:
    """Where a site's own profiles of a protocol lie."""
    return join(environment(ENVIRONMENT) or SITE_DIRECTORY, package)


def shipped_directory(tables: ModuleType) -> str:
    """Where the profiles lie that came with the protocol: beside its modules, whether those are source or byte code."""
    return join(parent(tables.__file__ or ""), "profiles")


def known_names(package: str) -> list[str]:
    """All profiles of a protocol, shipped and the site's."""
    names: set[str] = set()
    for directory in (shipped_directory(registry.tables(package)), site_directory(package)):
        if is_folder(directory):
            names.update(name[: -len(SUFFIX)] for name in listdir(directory) if name.endswith(SUFFIX))
    return sorted(names)


class Profiles:
    """The profiles of one configuration, each read once. `errors` are those of the files themselves."""

    def __init__(self, careful: bool = False) -> None:
        self.errors: list[ConfigError] = []
        self._careful = careful
        self._known: dict[tuple[str, str], Content | None] = {}

    def of(
        self, package: str, values: Mapping[str, Any], directory: str, complain: Complain
    ) -> tuple[bool, Content | None]:
        """Whether a device may run as far as its profile goes, and the profile; None where it needs none.

        `directory` is that of the configuration file, which a path in `profile` is relative to. A name that there is
        not is complained about.
        """
        name_of = getattr(registry.tables(package), "profile_name", None)
        name = name_of(values) if name_of else None
        if name is None:
            return True, None
        if _is_path(name):
            name = join(directory, name)
        elif (package, name) not in self._known and name not in known_names(package):
            allowed = f"one of {', '.join(known_names(package))}, or a file {join(site_directory(package), name)}"
            complain("profile", f'found "{name}", allowed: {allowed}{SUFFIX}')
            return False, None
        content = self.load(package, name)
        return content is not None, content

    def load(self, package: str, name: str) -> Content | None:
        """A profile by name or path, merged, with `file` naming what to edit; None where it is broken."""
        key = (package, name)
        if key not in self._known:
            self._known[key] = self._load(package, name)
        return self._known[key]

    def look_again(self, package: str) -> bool:
        """Whether a profile that was taken to be in order is not after all: one that came with meterd, then edited."""
        self._careful = True
        for _, name in [key for key in self._known if key[0] == package]:
            self._known[package, name] = self._load(package, name)
        return bool(self.errors)

    def check_all(self, package: str) -> None:
        """Look at every profile of a protocol, used or not."""
        for name in known_names(package):
            self.load(package, name)

    def _load(self, package: str, name: str) -> Content | None:
        sources = self._chain(package, name)
        if not sources:
            return None
        tables = registry.tables(package)
        merged: Content = {}
        known_good = True
        for source in reversed(sources):
            merged = tables.profile_merge(merged, source.content)
            known_good = known_good and self._is_known_good(tables, source.path)
            if not source.faults and not known_good:
                _blame(source, tables.profile_faults(merged, True))
            if source.faults:
                self._tell(source)
                return None
        path = sources[0].path
        if parent(path) == shipped_directory(tables):
            path = join(site_directory(package), path.rpartition("/")[2])
        return {**merged, "file": path}

    def _chain(self, package: str, name: str) -> list[Source]:
        """The files that make up a profile, the uppermost first; none where one of them is broken by itself."""
        tables = registry.tables(package)
        sources: list[Source] = []
        queue = self._paths(tables, package, name)
        while queue:
            path = queue.pop(0)
            if path in [source.path for source in sources] or len(sources) >= MAX_DEPTH:
                sources[-1].faults.append((("extends",), "extends", "the profiles extend each other without end"))
                break
            source = Source(path, self._careful, tables.PROFILE_PARTS)
            sources.append(source)
            if source.faults:
                break
            if not self._is_known_good(tables, path):
                _blame(source, tables.profile_faults(source.content, False))
            if source.faults:
                break
            base = source.content.get("extends")
            if base is not None:
                below = self._paths(tables, package, _beside(path, base))
                if not below:
                    message = f'found "{base}", allowed: one of {", ".join(known_names(package))}'
                    source.faults.append((("extends",), "extends", message))
                    break
                queue += below
        if sources and sources[-1].faults:
            self._tell(sources[-1])
            return []
        return sources

    def _is_known_good(self, tables: ModuleType, path: str) -> bool:
        """What came with the protocol was checked before: a gateway need not do it over at every start."""
        return not self._careful and parent(path) == shipped_directory(tables)

    def _tell(self, source: Source) -> None:
        """Keep a file's errors, once however many profiles begin from it."""
        told = {str(error) for error in self.errors}
        self.errors += [error for error in source.errors() if str(error) not in told]

    def _paths(self, tables: ModuleType, package: str, name: str) -> list[str]:
        """The files of a name, the site's before the shipped one."""
        if _is_path(name):
            return [name]
        candidates = [join(place, name + SUFFIX) for place in (site_directory(package), shipped_directory(tables))]
        return [path for path in candidates if exists(path)]


def _is_path(name: str) -> bool:
    return "/" in name or name.endswith(SUFFIX)


def _beside(path: str, name: str) -> str:
    """A path as it is meant in a file; a name as it is."""
    return join(parent(path), name) if _is_path(name) else name


def _blame(source: Source, faults: list[tuple[tuple[str | int, ...], str]]) -> None:
    source.faults += [(steps, words(steps), message) for steps, message in faults]


def package_of(path: str) -> str | None:
    """The protocol whose profile a file is, by its folder, what it holds or extends; None where it is none."""
    content = Source(path, True, ("profile",)).content
    if "profile" not in content or "devices" in content:
        return None
    described = [each for each in registry.installed() if hasattr(registry.tables(each), "profile_faults")]
    for package in described:
        parts = registry.tables(package).PROFILE_PARTS
        is_its = parent(path).rpartition("/")[2] == package or content.get("extends") in known_names(package)
        if is_its or any(part in content for part in parts):
            return package
    return described[0] if described else None
