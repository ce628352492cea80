"""What goes into which package: byte code, compiled modules, programs, init scripts.

`python -m tools.gateway.package.packages mips_24kc` writes the packages and the feed's index to dist/<machine>. As in
OpenWrt's own feed only byte code is shipped, as legacy .pyc beside where the source would be; it was compiled by the
Python version that runs it; byte code is the same on every machine.
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

from ..build.byte_code import byte_code
from ..build.cache import ToolMissing
from ..build.compiled import PROJECT, meterd_modules
from ..build.machines import MACHINES
from ..build.third_party import UJSON, licences, small_gzip, ujson, uplot
from ..build.toolchain import BUILT, PYTHON, missing, unknown
from . import luci
from .imports import depends, imported, imported_at_once, optional, package_of
from .ipk import FILE_MODE, PROGRAM_MODE, SECRET_MODE, Package, index, sign
from .order import like_by_like

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..build.machines import Machine

SITE = f"/usr/lib/python{PYTHON}/site-packages"
FILES = PROJECT / "openwrt" / "files"
STATIC = "meterd/page/static/"

# Byte code of one minor version runs on no other.
PYTHON_DEPENDS = (f"python3-light (>= {PYTHON})", f"python3-light (<< 3.{int(PYTHON.partition('.')[2]) + 1})")

DESCRIPTIONS = {
    "meterd": "Reads utility meters: DLMS/COSEM, IEC 62056-21, M-Bus; with meterd-elgama Elgama's",
    "meterd-elgama": "Elgama's meters for meterd",
    "meterd-push": "Meters that send unasked, and meters that call: P1 ports, DLMS push, IEC 62056-21 type D",
    "meterd-profiles": "Load profiles and logs of meters, row by row: DLMS, IEC 62056-21",
    "meterd-transports": "Serial servers that take the line's settings (RFC 2217), and DLMS over UDP",
    "meterd-handover": "Readings handed over to one program that acknowledges them",
    "meterd-wcclite": "The WCC Lite's programs, init scripts and folders for each of meterd's protocols",
    "meterd-scan": "Setting meters up: what they have, one reading, why one does not answer: meterd scan, read, doctor",
    "meterd-names": "What codes stand for in plain words, for what is found and for Home Assistant",
    "meterd-explain": "Frames and wire logs in words, and logs to be shared: meterd explain, meterd redact",
    "meterd-top": "What the daemon reads, live on a terminal: meterd top",
    "meterd-ubus": "meterd as an object of ubus: status, readings, read, scan",
    "meterd-simulate": "Simulated meters, to try meterd without a meter",
    "meterd-python": "meterd for Python programs: read, scan, Daemon",
    "meterd-dlms-security": "Ciphering and high-level authentication for meterd's DLMS meters",
    "meterd-mqtt": "Readings to an MQTT broker, Home Assistant discovery, Sparkplug B",
    "meterd-redis": "Last values to a Redis server, as on a WCC Lite",
    "meterd-metrics": "Readings and states for Prometheus, over HTTP",
    "meterd-page": "Why is a meter not read, on a page for browsers; WCC Lite's endpoints",
    "meterd-csv": "Readings to CSV files that are changed by size and time",
    "meterd-influx": "Readings to an InfluxDB",
    "meterd-batches": "What meterd's sinks share that keep readings until they are delivered",
    "meterd-tls": "Whom meterd's connections over TLS believe",
    "meterd-import": "Workbook import for meterd",
    "meterd-store": "Store and forward for meterd",
    "meterd-fleet": "meterd as one of many: provisioning, requests from afar, shards",
}
# Package → what of the sources lies in it alone; whatever is left is meterd's, or of the package that its imports need
# (imports.OPTIONAL). A later room is a row here, or an import there.
ROOMS = {
    "meterd-elgama": ("meterd/protocols/elgama/",),
    "meterd-push": (
        "meterd/protocols/p1/", "meterd/protocols/dlms_push/", "meterd/daemon/call.py", "meterd/daemon/call_room.py",
        "meterd/daemon/calls.py", "meterd/daemon/unknown_callers.py", "meterd/daemon/listening.py",
        "meterd/ports/calls.py", "meterd/cli/callers.py", "meterd/protocols/iec62056_21/pushed.py",
    ),
    "meterd-dlms-security": (
        "meterd/protocols/dlms/security/", "meterd/protocols/dlms/proof.py", "meterd/protocols/dlms/invocation.py",
        "meterd/daemon/counters.py", "meterd/counter.py", "meterd/cli/counter.py",
    ),
    "meterd-simulate": (
        "meterd/simulate/", "meterd/protocols/dlms/apdus/notification.py",
        "meterd/protocols/dlms/apdus/get_server.py", "meterd/cli/simulate.py", "meterd/cli/demo.py",
        "meterd/cli/demo_site.py", "meterd/cli/demo_view.py", "meterd/cli/replay.py",
    ),
    "meterd-profiles": (
        "meterd/protocols/dlms/profile.py", "meterd/protocols/dlms/profile_buffer.py",
        "meterd/protocols/dlms/profile_rows.py", "meterd/protocols/dlms/profile_seen.py",
        "meterd/protocols/iec62056_21/profile.py", "meterd/protocols/iec62056_21/rows.py",
    ),
    "meterd-transports": ("meterd/ports/rfc2217.py", "meterd/ports/telnet.py", "meterd/ports/udp.py"),
    "meterd-handover": ("meterd/sinks/handover.py",),
    "meterd-wcclite": ("meterd/cli/protocol_program.py",),
    "meterd-scan": (
        "meterd/cli/read.py", "meterd/cli/described.py", "meterd/cli/configured.py", "meterd/cli/asking.py",
        "meterd/cli/printing.py", "meterd/cli/reading_table.py",
        "meterd/cli/terminal.py", "meterd/daemon/one_scan.py",
        "meterd/cli/scan.py", "meterd/cli/doctor.py", "meterd/cli/diagnosis.py", "meterd/cli/hints.py",
        "meterd/cli/answers.py", "meterd/cli/consultation.py", "meterd/cli/first_contact.py",
        "meterd/cli/found_file.py", "meterd/cli/ladder.py", "meterd/cli/nameless.py",
        "meterd/cli/serial_ports.py", "meterd/cli/strangers.py", "meterd/sighting.py",
        "meterd/protocols/dlms/discovery.py", "meterd/protocols/dlms/sightings.py",
        "meterd/protocols/iec62056_21/discovery.py", "meterd/protocols/iec62056_21/sightings.py",
        "meterd/protocols/mbus/discovery.py", "meterd/protocols/mbus/search.py", "meterd/protocols/mbus/sightings.py",
    ),
    "meterd-names": ("meterd/names/",),
    "meterd-explain": ("meterd/explain/", "meterd/cli/explain.py", "meterd/cli/redact.py"),
    "meterd-top": (
        "meterd/cli/top.py", "meterd/cli/top_questions.py", "meterd/cli/top_terminal.py", "meterd/cli/top_view.py",
        "meterd/daemon/glance.py",
    ),
    "meterd-ubus": ("meterd/cli/ubus.py", "meterd/cli/ubus_scan.py"),
    "meterd-python": ("meterd/api/",),
    "meterd-import": ("meterd/config/workbook/", "meterd/cli/workbook.py"),
    "meterd-mqtt": (
        "meterd/sinks/mqtt.py", "meterd/sinks/mqtt_confirmed.py", "meterd/sinks/mqtt_connection.py",
        "meterd/sinks/mqtt_faults.py", "meterd/sinks/mqtt_payload.py", "meterd/sinks/mqtt_sink.py",
        "meterd/sinks/home_assistant.py", "meterd/sinks/home_assistant_classes.py", "meterd/sinks/sparkplug.py",
        "meterd/sinks/sparkplug_payload.py", "meterd/sinks/sparkplug_sink.py",
    ),
    "meterd-fleet": (
        "meterd/daemon/shard.py", "meterd/daemon/shard_state.py", "meterd/daemon/shard_counters.py",
        "meterd/fleet/", "meterd/cli/provision.py", "meterd/cli/remote.py",
    ),
    "meterd-metrics": ("meterd/sinks/metrics.py", "meterd/ports/http_server.py"),
    "meterd-page": ("meterd/page/", "meterd/sinks/page.py", "meterd/sinks/history.py"),
    "meterd-csv": (
        "meterd/sinks/csv.py", "meterd/sinks/csv_done.py", "meterd/sinks/csv_file.py", "meterd/sinks/csv_rows.py",
    ),
    "meterd-influx": (
        "meterd/sinks/influx.py", "meterd/sinks/influx_faults.py", "meterd/sinks/influx_http.py",
        "meterd/sinks/influx_lines.py",
    ),
    "meterd-batches": (
        "meterd/sinks/outbox.py", "meterd/sinks/ranges.py", "meterd/sinks/backoff.py", "meterd/sinks/batches.py",
        "meterd/sinks/batch_thread.py", "meterd/ports/letter_box.py",
    ),
    "meterd-tls": ("meterd/sinks/trust.py",),
    "meterd-redis": (
        "meterd/sinks/redis.py", "meterd/sinks/redis_sink.py", "meterd/sinks/resp.py", "meterd/ports/unix_port.py",
    ),
    "meterd-store": (
        "meterd/sinks/store.py", "meterd/sinks/store_disk.py", "meterd/sinks/store_file.py",
        "meterd/sinks/store_keeper.py", "meterd/sinks/store_numbers.py", "meterd/sinks/store_rows.py",
        "meterd/sinks/store_words.py", "meterd/sinks/stored_outbox.py", "meterd/sinks/unset_clock.py",
    ),
}  # fmt: skip
# Package → what it takes of meterd's other packages, besides meterd itself.
NEEDS = {
    "meterd-fleet": ("meterd-mqtt", "meterd-scan"),
    "meterd-scan": ("meterd-names", "meterd-push"), "meterd-mqtt": ("meterd-names", "meterd-batches", "meterd-tls"),
    "meterd-python": ("meterd-scan",),
    "meterd-explain": ("meterd-names", "meterd-simulate"),
    # The manual's programs are of all four protocols, so whoever installs them has all four.
    "meterd-wcclite": ("meterd-elgama",),
    "meterd-ubus": ("meterd-top", "meterd-scan"),
    "meterd-page": ("meterd-metrics", "meterd-names"),
    "meterd-elgama": ("meterd-profiles",),
    "meterd-simulate": ("meterd-push", "meterd-transports"),
    "meterd-csv": ("meterd-batches",), "meterd-influx": ("meterd-batches", "meterd-tls"),
    "meterd-handover": ("meterd-batches",), "meterd-store": ("meterd-batches",),
}  # fmt: skip
# Package → where an earlier version had some of its files, meterd aside: opkg then lets it take them over, whichever of
# the two it installs first.
FORMERLY = {"meterd-elgama": ("meterd-scan",), "meterd-tls": ("meterd-batches",)}
# Package → what of OpenWrt's own packages it works with.
OF_OPENWRT = {"meterd-ubus": ("rpcd",)}
# Modules that nobody loads but another package does, and which may use it: module → that package.
LOADED_BY = {
    "meterd/protocols/elgama/discovery.py": "meterd-scan", "meterd/protocols/elgama/sightings.py": "meterd-scan",
    "meterd/protocols/p1/discovery.py": "meterd-scan", "meterd/protocols/p1/sightings.py": "meterd-scan",
    "meterd/daemon/shard_counters.py": "meterd-dlms-security",
    "meterd/protocols/dlms_push/discovery.py": "meterd-scan", "meterd/protocols/dlms_push/sightings.py": "meterd-scan",
    "meterd/cli/callers.py": "meterd-scan", "meterd/protocols/p1/sealed.py": "meterd-dlms-security",
}  # fmt: skip
# Their docstrings are printed.
DOCUMENTED = ROOMS["meterd-simulate"]

# What only writes the documentation.
DOCUMENTATION = ("meterd/config/reference.py", "meterd/config/luci_tables.py")

# Package → file in openwrt/files → place on the gateway and mode.
SYSTEM = {
    "meterd": {
        "meterd.config": ("/etc/config/meterd", SECRET_MODE),
        "meterd.uci-defaults": ("/etc/uci-defaults/60_meterd", PROGRAM_MODE),
        "meterd.init": ("/etc/init.d/meterd", PROGRAM_MODE),
        "files.sh": ("/usr/lib/meterd/files.sh", FILE_MODE),
        "service.py": ("/usr/lib/meterd/service", PROGRAM_MODE),
        "meterd.keep": ("/lib/upgrade/keep.d/meterd", FILE_MODE),
    },
    "meterd-wcclite": {
        "dlms.init": ("/etc/init.d/dlms", PROGRAM_MODE),
        "iec62056-21.init": ("/etc/init.d/iec62056-21", PROGRAM_MODE),
        "mbus.init": ("/etc/init.d/mbus", PROGRAM_MODE),
        "elgama.init": ("/etc/init.d/elgama", PROGRAM_MODE),
        "wcclite.sh": ("/usr/lib/meterd/wcclite.sh", FILE_MODE),
        "wcclite.keep": ("/lib/upgrade/keep.d/meterd-wcclite", FILE_MODE),
    },
    "meterd-ubus": {
        "rpcd.sh": ("/usr/libexec/rpcd/meterd", PROGRAM_MODE),
        "ubus.py": ("/usr/lib/meterd/ubus", FILE_MODE),
    },
}
CONFFILES = {"meterd": ["/etc/config/meterd"]}
# Root writes them, the daemon's group reads them: passwords may be in there.
FOLDERS = {"meterd": ("/etc/meterd",), "meterd-wcclite": ("/etc/dlms", "/etc/iec62056-21", "/etc/mbus", "/etc/elgama")}
# What a configuration may ask for before it is installed.
AWAITED = (
    "meterd-elgama",
    "meterd-push",
    "meterd-profiles",
    "meterd-transports",
    "meterd-handover",
    "meterd-dlms-security",
    "meterd-mqtt",
    "meterd-metrics",
    "meterd-page",
    "meterd-redis",
    "meterd-csv",
    "meterd-influx",
    "meterd-store",
)
# Package → what opkg runs → file in openwrt/files. Whatever has init scripts enables, starts, stops and disables them.
MAINTAINER_SCRIPTS = {
    "meterd": {"postinst": "postinst", "prerm": "prerm", "postrm": "meterd.postrm"},
    "meterd-wcclite": {
        "preinst": "wcclite.preinst", "postinst": "postinst", "prerm": "prerm", "postrm": "wcclite.postrm",
    },
    "meterd-ubus": {"postinst": "rpcd.postinst"},
    **{
        name: {"postinst": "room.postinst"}
        for name in AWAITED
    },
}  # fmt: skip
# user=uid:group=gid:further group=gid, as the packages feed has them.
USER = "meterd=871:meterd=871:dialout=20"
# What pyproject.toml has as a file, not as an entry point.
MAIN_PROGRAM = {"meterd": "meterd.cli.main:program"}
# Package → which of these programs are in it.
PROGRAMS = {"meterd": ("meterd",), "meterd-wcclite": ("dlms", "iec62056-21", "mbus", "elgama")}
PROGRAM = """#!/usr/bin/python3 -SP
import sys

sys.path.append("{site}")
from meterd.gateway.quick_import import install

install()
from {module} import {function}

sys.exit({function}())
"""


def version() -> str:
    with open(PROJECT / "pyproject.toml", "rb") as file:
        return str(tomllib.load(file)["project"]["version"]) + "-r1"


def build(machine: Machine) -> list[Package]:
    """Every package for the machine; meterd itself is the first."""
    packages: dict[str, Package] = {"meterd": _package(machine, "meterd")}
    needs: dict[str, set[str]] = {}
    sources = {path.relative_to(PROJECT).as_posix(): path for path in sorted((PROJECT / "meterd").rglob("*.py"))}
    for name in DOCUMENTATION:
        del sources[name]
    files = byte_code({f"{SITE}/{name}": path for name, path in sources.items()}, DOCUMENTED, PYTHON)
    for name, path in sources.items():
        home = home_of(name, path)
        package = packages.setdefault(home, _package(machine, home))
        needs.setdefault(home, set()).update(imported(path))
        package.add(f"{SITE}/{name}c", files[f"{SITE}/{name}"])
    packages["meterd"].add(f"{SITE}/meterd/_joined.so", (meterd_modules(machine) / "_joined.so").read_bytes())
    for data in sorted((PROJECT / "meterd").rglob("*.json")):
        name = data.relative_to(PROJECT).as_posix()
        packages[home_of(name)].add(f"{SITE}/{name}", data.read_bytes())
    for name, content in page_files().items():
        packages["meterd-page"].add(f"{SITE}/{name}", content)
    for name in SYSTEM:
        _add_system(packages[name])
    further = {name: feed for names in needs.values() for name, feed in optional(names).items()}
    for name in further:
        packages.setdefault(name, _package(machine, name))
    for name, package in packages.items():
        others = () if name == "meterd" else ("meterd", *NEEDS.get(name, ()))
        own = [f"{other} (= {package.version})" for other in others]
        if others:
            package.fields["Replaces"] = ", ".join(("meterd", *FORMERLY.get(name, ())))
        package.scripts = {
            script: (FILES / file).read_text() for script, file in MAINTAINER_SCRIPTS.get(name, {}).items()
        }
        package.depends = (*PYTHON_DEPENDS, *own, *depends(needs.get(name, set())), *filter(None, [further.get(name)]))
        package.depends += OF_OPENWRT.get(name, ())
    return [*packages.values(), luci.package(version()), ujson_package(machine)]


def page_files() -> dict[str, bytes]:
    """What the page serves to browsers, compressed as it is sent; with uPlot and its licence, where npm brings it."""
    brought = uplot()
    own = [path for path in sorted((PROJECT / STATIC).iterdir()) if not path.name.startswith("uPlot.")]
    found = {STATIC + path.name: path for path in own}
    found.update({STATIC + name: path for name, path in brought.items()})
    licences = {name: path.read_bytes() for name, path in found.items() if name.endswith("LICENSE")}
    served = {f"{name}.gz": small_gzip(path.read_bytes()) for name, path in found.items() if name not in licences}
    return {**licences, **served}


def _package(machine: Machine, name: str) -> Package:
    return Package(name, version(), machine.name, DESCRIPTIONS[name])


def home_of(name: str, path: Path | None = None) -> str:
    """The package in which a file lies; `path` is where a source is."""
    own = set() if path is None else imported_at_once(path)
    return next((home for home, inside in ROOMS.items() if name.startswith(inside)), package_of(own))


def programs_of(package: str) -> dict[str, str]:
    """The programs of a package with their entry points, by name."""
    with open(PROJECT / "pyproject.toml", "rb") as file:
        programs = {**MAIN_PROGRAM, **tomllib.load(file)["project"]["scripts"]}
    return {name: programs[name] for name in PROGRAMS.get(package, ())}


def _add_system(package: Package) -> None:
    for name, entry in programs_of(package.name).items():
        module, _, function = entry.partition(":")
        text = PROGRAM.format(site=SITE, module=module, function=function)
        package.add(f"/usr/bin/{name}", text.encode(), PROGRAM_MODE)
    for name, (place, mode) in SYSTEM[package.name].items():
        package.add(place, (FILES / name).read_bytes(), mode)
    package.conffiles = CONFFILES.get(package.name, [])
    if package.name in FOLDERS:
        package.folders = dict.fromkeys(FOLDERS[package.name], 0o750)
        package.fields["Require-User"] = USER


def ujson_package(machine: Machine) -> Package:
    package = Package("python3-ujson", UJSON.partition("==")[2] + "-r1", machine.name, "Ultra fast JSON for Python")
    package.fields = {"License": "BSD-3-Clause TCL", "Section": "lang"}
    package.depends = PYTHON_DEPENDS
    package.add(f"{SITE}/ujson.so", (ujson(machine) / "ujson.so").read_bytes())
    return package


def feed_folder(machine: Machine) -> Path:
    """Where a machine's packages are written; those of a Python that is not built for it lie beside."""
    return PROJECT / "dist" / (machine.name if PYTHON == BUILT else f"{machine.name}-{PYTHON}")


def write(machine: Machine) -> Path:
    """Write packages and index; returns the feed's folder."""
    folder = feed_folder(machine)
    for name, text in licences().items():
        (folder / "licences").mkdir(parents=True, exist_ok=True)
        (folder / "licences" / name).write_text(text)
    written = {package.write(folder, small_gzip, like_by_like) for package in build(machine)}
    for old in set(folder.glob("*.ipk")) - written:
        old.unlink()
    index(folder)
    sign(folder, os.environ.get("FEED_KEY", ""))
    return folder


def main(names: list[str]) -> int:
    names = names or list(MACHINES)
    for name in names:
        lacking = missing(MACHINES[name]) if name in MACHINES else unknown(name)
        if lacking:
            print(lacking, file=sys.stderr)
            return 2
    for name in names:
        try:
            folder = write(MACHINES[name])
        except ToolMissing as reason:
            print(reason, file=sys.stderr)
            return 2
        print(f"{folder.relative_to(PROJECT)}: a feed for {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
