"""Ready for IDEs: what they need of the container, against what `model.ides` says they need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from composegen.model import CODE_TARGET, ides
from composegen.smoke.probe import Fail, Found, Visit
from composegen.smoke.pythons import INTERPRETER_FILE

# The C library that programs run with, and the newest 64-bit libstdc++ that the dynamic loader knows, as VS Code looks for it.
LIBRARIES = r"""
    PATH=$PATH:/usr/sbin:/sbin
    case "$(ldd --version 2>&1)" in
        *musl*) echo musl "$(ldd --version 2>&1 | sed -n 's/^Version //p')" ;;
        *) getconf GNU_LIBC_VERSION 2>/dev/null || echo unknown ;;
    esac
    for path in $(ldconfig -p 2>/dev/null | sed -n 's/.*libstdc++\.so\.6 (libc6,.*=> //p') /usr/lib*/libstdc++.so.6; do
        readlink -f "$path" 2>/dev/null
    done | sed -n 's/.*\.so\.6\.0\.\([0-9]\{1,\}\)$/\1/p' | sort -n | tail -n 1
"""


def libc(visit: Visit) -> Found:
    """Which IDEs' servers run on this C and C++ library; where only older ones do, which, and where current ones would."""
    kind, version, release = visit.ask(LIBRARIES, r"(\w+) ?(\S*)\n(\d*)\n?")
    libstdcxx = release and f"3.4.{release}"
    seen = ", ".join((f"{kind} {version}".strip(), f"libstdc++ {libstdcxx}" if libstdcxx else "no libstdc++"))
    newest = ides.working(kind, version, libstdcxx)
    ranges = {ide: each and (each.versions or "current") for ide, each in newest.items()}
    data = {"libc": kind, "version": version, "libstdcxx": libstdcxx, "ides": ranges}
    older = {ide: each.versions for ide, each in newest.items() if each and each.versions}
    none = [ide for ide, each in newest.items() if each is None]
    current = [ide for ide in newest if ide not in older and ide not in none]
    groups = {"current versions": current, "older ones": older, "none": none}
    detail = f"{seen}: good for " + ", ".join(f"{versions} of {_listed(names)}" for versions, names in groups.items() if names)
    instead = _instead(visit, kind, libstdcxx) if older or none else ""
    hint = "\n".join(
        filter(None, (*(f"{ide}: {versions}" for ide, versions in older.items()), instead, _sshd(visit.session.banner)))
    )
    if none:
        raise Fail(detail, hint=hint, data=data)
    return Found(detail, data, hint)


def _instead(visit: Visit, kind: str, libstdcxx: str) -> str:
    """What to do so that current versions run."""
    if kind == "glibc" and not libstdcxx:
        return "libstdc++6 in apt.txt; the next `composegen up` builds it in"
    current = f"current ones need glibc {ides.NEWEST_NEED}"
    return f"{current}: {visit.target.newer(ides.NEWEST_NEED) or 'a base image of Ubuntu 20.04, Debian 10 or newer'}"


def _sshd(banner: str) -> str:
    """A remark where Toolbox recommends a newer one."""
    found = re.search(r"OpenSSH_(\d+\.\d+)", banner)
    if not found or ides.reaches(found[1], ides.OPENSSH):
        return ""
    return f"JetBrains Toolbox recommends OpenSSH {ides.OPENSSH} or later, and this is {found[1]}"


def tools(visit: Visit) -> Found:
    """What IDEs' installers, launchers and extensions call is there."""
    wanted = {tool: package for each in (ides.TOOLS, ides.GOOD_TOOLS) for package, tools in each.items() for tool in tools}
    names = " ".join(tool.replace("|", " ") for tool in wanted)
    script = f'PATH=$PATH:/usr/sbin:/sbin; for tool in {names}; do command -v "$tool" >/dev/null && echo "$tool"; done; echo'
    (said,) = visit.ask(script, r"(.*)\n\n?")
    there = set(said.split())
    missing = {tool: package for tool, package in wanted.items() if there.isdisjoint(tool.split("|"))}
    needed = [tool for tool, package in missing.items() if package in ides.TOOLS]
    packages = sorted(set(missing.values()))
    hint = f"{' '.join(packages)} in apt.txt; the next `composegen up` builds it in" if missing else ""
    data = {"missing": [tool.replace("|", " or ") for tool in missing], "packages": packages}
    if needed:
        raise Fail(f"IDEs call what is not there: {', '.join(each.replace('|', ' or ') for each in needed)}", hint=hint, data=data)
    if missing:
        return Found(f"all but {', '.join(missing)}, which some plugins and extensions unpack with", data, hint)
    return Found(f"{len(wanted)} tools that IDEs call", data)


# Cores that may run, by affinity, and of these the share that the cgroup (version 2 or 1) allows; the same of memory; and the free
# disk where IDEs keep what they download.
RESOURCES = r"""
    cgroup=/sys/fs/cgroup
    env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc
    cat $cgroup/cpu.max 2>/dev/null ||
        echo $(cat $cgroup/cpu/cpu.cfs_quota_us $cgroup/cpu/cpu.cfs_period_us 2>/dev/null || echo max 1)
    sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo
    cat $cgroup/memory.max 2>/dev/null || cat $cgroup/memory/memory.limit_in_bytes 2>/dev/null || echo max
    for path in "$HOME/.cache/JetBrains" "$HOME/.cache" "$HOME"; do if [ -d "$path" ]; then break; fi; done
    df -Pk "$path" | tail -n 1
"""
ANSWER = r"(\d+)\n(\S+) (\d+)\n(\d+)\n(\S+)\n\S+ +\d+ +\d+ +(\d+) [^\n]*\n"
GB = 10**9
MORE = {
    "cores": "`cpus`, `cpuset` or `deploy.resources.limits.cpus` of compose.yaml may limit them",
    "memory": "`mem_limit` or `deploy.resources.limits.memory` of compose.yaml may limit it",
    "disk": "on the host, `docker system df` says what takes it, and `composegen clean` removes what is left over",
}


def resources(visit: Visit) -> Found:
    """CPU, memory and disk against what vendors call their minimum and what they recommend."""
    cores, quota, period, memory, limit, disk = visit.ask(RESOURCES, ANSWER)
    found = {
        "cores": min(int(cores), int(quota) / int(period) if quota.isdigit() else int(cores)),
        "memory": min(int(memory) * 1024, int(limit) if limit.isdigit() else int(memory) * 1024) / GB,
        "disk": int(disk) * 1024 / GB,
    }
    said = ", ".join(_amount(name, amount) for name, amount in found.items())
    data = {name: round(amount, 3) for name, amount in found.items()}
    hint = "\n".join(_shortages(found))
    if too_little := [name for name, amount in found.items() if all(amount < each.least[name] for each in ides.RESOURCES)]:
        raise Fail(f"{said}: too little {' and '.join(too_little)} for any IDE", hint=hint, data=data)
    return Found(said, data, hint)


def _shortages(found: Mapping[str, float]) -> Iterator[str]:
    for name, amount in found.items():
        below = [each for each in ides.RESOURCES if amount < each.least[name]]
        yield from (f"{each.ide}: at least {_amount(name, each.least[name])}" for each in below)
        if below:
            yield MORE[name]
        others = (each for each in ides.RESOURCES if each not in below and amount < each.good.get(name, 0))
        yield from (f"{each.ide}: {_amount(name, each.good[name])} are recommended" for each in others)


def _amount(name: str, amount: float) -> str:
    rounded = f"{amount:.1f}".removesuffix(".0")
    return {"cores": f"{rounded} CPU cores", "memory": f"{rounded} GB of memory", "disk": f"{rounded} GB of free disk"}[name]


# A file is made in a folder that is watched. Python 2 and 3.6 understand it; where there is none, nothing is said.
WATCH = r"""
import ctypes, os, select, sys, tempfile
libc = ctypes.CDLL(None, use_errno=True)
inotify = libc.inotify_init1(0)
if inotify < 0 or libc.inotify_add_watch(inotify, sys.argv[1].encode(), 0x100) < 0:
    sys.exit(os.strerror(ctypes.get_errno()) + (" (instance)" if inotify < 0 else " (watch)"))
file, name = tempfile.mkstemp(prefix=".composegen-", dir=sys.argv[1])
os.close(file)
os.unlink(name)
print("seen" if select.select([inotify], [], [], 2)[0] else "not seen")
"""
WATCHES = rf"""
    cat /proc/sys/fs/inotify/max_user_watches /proc/sys/fs/inotify/max_user_instances
    for python in "$(cat {INTERPRETER_FILE})" python3 "$(cat /etc/composegen/supervisor-python)"; do
        if command -v "$python" >/dev/null; then exec "$python" -ES -c '{WATCH}' {CODE_TARGET} 2>&1; fi
    done 2>/dev/null
"""


def watches(visit: Visit) -> Found:
    """IDEs hear of changed files: a watch on the code folder reports one, and the host allows as many as vendors ask for."""
    allowed, instances, said = visit.ask(WATCHES, r"(\d+)\n(\d+)\n(.*)")
    said = said.strip()
    limits = f"fs.inotify.max_user_watches is {allowed}, max_user_instances {instances}"
    data = {"watches": int(allowed), "instances": int(instances), "reported": {"seen": True, "not seen": False}.get(said)}
    if full := re.search(r"(.*) \((instance|watch)\)$", said):
        which = "max_user_instances" if full[2] == "instance" else "max_user_watches"
        hint = f"{_sysctl(which)}; the limit counts for all containers of a user"
        raise Fail(f"no inotify {full[2]} can be had: {full[1]}; {limits}", hint=hint, data=data)
    if said == "not seen":
        hint = (
            "some network file systems, and those that virtual machines share, report nothing: IDEs then need to be told to reload"
        )
        raise Fail(f"a file made in {CODE_TARGET} is not reported to who watches the folder", hint=hint, data=data)
    seen = f"a change in {CODE_TARGET} is reported" if said == "seen" else "no Python here, or no right, to try a watch"
    short = [f"{wanted} ({ide})" for ide, wanted in ides.WATCHES.items() if int(allowed) < wanted]
    hint = f"vendors recommend {' and '.join(short)}: {_sysctl('max_user_watches')}" if short else ""
    return Found(f"{seen}; {limits}", data, hint)


def _sysctl(name: str) -> str:
    value = max(ides.WATCHES.values()) if name == "max_user_watches" else 1024
    return f"on the host, `echo fs.inotify.{name}={value} | sudo tee /etc/sysctl.d/60-inotify.conf && sudo sysctl --system`"


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
