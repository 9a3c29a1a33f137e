"""Lines of `docker run` drawn at random: for each flag of the real command line, values that Docker takes, and others."""

from __future__ import annotations

import shlex

from hypothesis import strategies as st

Values = st.SearchStrategy[str]

number = st.integers(0, 5000).map(str)
size = st.builds("{}{}".format, st.integers(1, 900), st.sampled_from(["", "k", "m", "g", "mb", "GB", "MiB", "q", " m"]))
big = st.builds("{}{}".format, st.integers(6, 900), st.sampled_from(["m", "g", "mb", "G", "MiB"]))
duration = st.sampled_from(["0s", "5s", "1m30s", "500ms", "1h", "1.5s", "30", "1d", "-5s", "2m0.5s"])
word = st.sampled_from(
    ["a", "web", "x-y", "with blank", "", 'q"uote', "it's", "$HOME_", "${A}", "a:b", "a=b", "é", "100", "yes", "1e3", "#x", "- a"]
)
path = st.sampled_from(["/data", "/opt/a b", "/srv/x.y", "relative", "./src", "/", "/tmp", "..", "/a:b", "~/x"])
name = st.sampled_from(["cvt-one", "cvt-two.x", "x", "-bad", "a b"])
pair = st.builds("{}={}".format, st.sampled_from(["A", "b.c", "with-dash", "", "1"]), word) | word
port = st.sampled_from(
    [
        "80",
        "8080:80",
        "127.0.0.1:1:2",
        "::1:3:4",
        "[::1]:3:4",
        "1-3:4-6",
        "1-3:4-7",
        "70000:1",
        "5:6/udp",
        "7/sctp",
        "a:b",
        ":9",
        "1:2:3:4",
    ]
)
mode = st.sampled_from(["", ":ro", ":rw", ":z", ":ro,Z", ":rslave", ":nocopy", ":cached", ":ro,rw", ":bad", ":ro,cached"])
volume = st.builds("{}:{}{}".format, path | st.sampled_from(["cvt-vol", "cvt-w", "v"]), path, mode) | path
capability = st.sampled_from(["SYS_ADMIN", "net_admin", "CAP_CHOWN", "ALL", "NOT_ONE"])
device = st.sampled_from(
    ["/dev/null", "/dev/zero:/dev/x", "/dev/null:/dev/y:r", "/dev/null:rw", "nvidia.com/gpu=all", "null", "/dev/null:q"]
)
of_device = st.builds("{}:{}".format, st.sampled_from(["/dev/null", "null"]), st.sampled_from(["1mb", "100", "1", "x"]))
network = st.sampled_from(
    [
        "bridge",
        "host",
        "none",
        "default",
        "cvt-net",
        "cvt-other",
        "container:cvt-db",
        "name=cvt-net,alias=a",
        "name=cvt-net,ip=10.231.77.9",
    ]
)
limit = st.sampled_from(
    ["nofile=1:2", "nofile=5", "core=0:0", "memlock=-1", "memlock=-1:-1", "nproc=9:3", "what=1", "stack", "rtprio=99"]
)
mount = st.sampled_from(
    [
        "type=bind,src=/tmp,dst=/m",
        "type=bind,src=/tmp,dst=/m,ro,bind-propagation=rshared",
        "type=volume,src=cvt-vol,dst=/v",
        "type=volume,dst=/v2,volume-nocopy=true",
        "src=cvt-vol,dst=/v3,readonly",
        "type=tmpfs,dst=/t,tmpfs-size=1m",
        "type=tmpfs,dst=/t2,tmpfs-mode=755",
        "type=tmpfs,src=/x,dst=/t3",
        "type=bind,dst=/nosource",
        "type=bind,src=rel,dst=/r",
        "dst",
        "type=what,dst=/x",
        '"type=bind","src=/tmp","dst=/q"',
    ]
)
gpus = st.sampled_from(
    [
        "all",
        "0",
        "1",
        "3",
        "-1",
        "-2",
        "device=0",
        '"device=0,1"',
        "device=0,1",
        "count=2",
        "driver=cdi",
        "all,capabilities=compute",
        "x=y",
        "",
    ]
)
address = st.sampled_from(["10.231.77.20", "1.1.1.1", "::1", "fe80::1", "300.1.1.1", "x"])
boolean = st.just("")

# What each flag of `docker run --help` may be given; a flag that takes nothing has None.
FLAGS: dict[str, Values | None] = {
    "--add-host": st.sampled_from(["a:1.2.3.4", "b=1.2.3.4", "c:::1", "d:host-gateway", "bad", "e:x", "f:[::1]"]),
    "--annotation": pair,
    "--attach": st.sampled_from(["stdin", "stdout", "STDERR", "no"]),
    "--blkio-weight": st.sampled_from(["10", "500", "0", "5", "x"]),
    "--blkio-weight-device": of_device,
    "--cap-add": capability,
    "--cap-drop": capability,
    "--cgroup-parent": st.sampled_from(["/cvt", "cvt"]),
    "--cgroupns": st.sampled_from(["host", "private", "other"]),
    "--cidfile": st.just("/dev/null/x"),
    "--cpu-period": st.sampled_from(["1000", "50000", "5", "x"]),
    "--cpu-quota": st.sampled_from(["1000", "50000", "-1", "x"]),
    "--cpu-rt-period": number,
    "--cpu-rt-runtime": number,
    "--cpu-shares": number,
    "--cpus": st.sampled_from(["1", ".5", "0.25", "1.75", "0.333", "2.", "x", "0.001", "-1", "1e0"]),
    "--cpuset-cpus": st.sampled_from(["0", "0-1", "0,1", "x", "99"]),
    "--cpuset-mems": st.sampled_from(["0", "x"]),
    "--detach": None,
    "--detach-keys": st.just("ctrl-a"),
    "--device": device,
    "--device-cgroup-rule": st.sampled_from(["c 1:3 rwm", "b *:* r", "x 1:1 r", "c 1:3"]),
    "--device-read-bps": of_device,
    "--device-read-iops": of_device,
    "--device-write-bps": of_device,
    "--device-write-iops": of_device,
    "--disable-content-trust": None,
    "--dns": address,
    "--dns-option": word,
    "--dns-search": st.sampled_from(["example.org", ".", "a b"]),
    "--domainname": st.sampled_from(["lab", "lab.example.org", "100"]),
    "--entrypoint": word,
    "--env": pair,
    "--env-file": st.sampled_from(["vars.env", "./vars.env", "missing.env"]),
    "--expose": port,
    "--gpus": gpus,
    "--group-add": word,
    "--health-cmd": word,
    "--health-interval": duration,
    "--health-retries": st.sampled_from(["3", "0", "-1", "x"]),
    "--health-start-interval": duration,
    "--health-start-period": duration,
    "--health-timeout": duration,
    "--help": None,
    "--hostname": st.sampled_from(["box", "box.lab", "100", "a_b"]),
    "--init": None,
    "--interactive": None,
    "--ip": address,
    "--ip6": address,
    "--ipc": st.sampled_from(["host", "private", "none", "shareable", "container:cvt-db", "container:", "x"]),
    "--isolation": st.sampled_from(["default", "hyperv"]),
    "--kernel-memory": big,
    "--label": pair,
    "--label-file": st.sampled_from(["labels.txt", "missing.txt"]),
    "--link": st.sampled_from(["cvt-db", "cvt-db:alias", "nobody", "cvt-db:a:b"]),
    "--link-local-ip": st.sampled_from(["169.254.1.1", "x"]),
    "--log-driver": st.sampled_from(["json-file", "local", "none", "syslog", "nothing"]),
    "--log-opt": st.sampled_from(["max-size=1m", "max-file=2", "tag={{.Name}}", "bad"]),
    "--mac-address": st.sampled_from(["92:d0:c6:0a:29:33", "x"]),
    "--memory": big | size,
    "--memory-reservation": big,
    "--memory-swap": big | st.just("-1"),
    "--memory-swappiness": st.sampled_from(["0", "60", "-1", "101", "x"]),
    "--mount": mount,
    "--name": name,
    "--network": network,
    "--network-alias": st.sampled_from(["a", "b.c", "a b"]),
    "--no-healthcheck": None,
    "--oom-kill-disable": None,
    "--oom-score-adj": st.sampled_from(["0", "-1000", "500", "2000", "x"]),
    "--pid": st.sampled_from(["host", "container:cvt-db", "private", "x"]),
    "--pids-limit": st.sampled_from(["0", "-1", "100", "x"]),
    "--platform": st.sampled_from(["linux/amd64", "linux", "not/one/at/all"]),
    "--privileged": None,
    "--publish": port,
    "--publish-all": None,
    "--pull": st.sampled_from(["never", "missing", "x"]),
    "--quiet": None,
    "--read-only": None,
    "--restart": st.sampled_from(
        ["no", "always", "on-failure", "on-failure:2", "unless-stopped", "always:3", "x", "on-failure:-1"]
    ),
    "--rm": None,
    "--runtime": st.sampled_from(["runc", "io.containerd.runc.v2", "nobody"]),
    "--security-opt": st.sampled_from(
        [
            "no-new-privileges",
            "no-new-privileges=true",
            "seccomp=unconfined",
            "label=disable",
            "apparmor:unconfined",
            "systempaths=unconfined",
            "x",
        ]
    ),
    "--shm-size": size,
    "--sig-proxy": None,
    "--stop-signal": st.sampled_from(["SIGTERM", "9", "USR1", "SIGRTMIN+3", "NOSIG"]),
    "--stop-timeout": st.sampled_from(["0", "10", "3600", "-1", "x"]),
    "--storage-opt": st.sampled_from(["size=1g", "bad"]),
    "--sysctl": st.sampled_from(["net.core.somaxconn=1", "kernel.shmmax=5", "bad"]),
    "--tmpfs": st.sampled_from(["/run", "/t:size=1m", "/t:rw,noexec,size=10%", "rel", "/t:bad=1"]),
    "--tty": None,
    "--ulimit": limit,
    "--use-api-socket": None,
    "--user": st.sampled_from(["0", "root", "1000:1000", ":5", "nobody:", "a b", ""]),
    "--userns": st.sampled_from(["host", "", "x"]),
    "--uts": st.sampled_from(["host", "", "x"]),
    "--volume": volume,
    "--volume-driver": st.sampled_from(["local", "nobody"]),
    "--volumes-from": st.sampled_from(["cvt-db", "cvt-db:ro", "cvt-db:rw", "nobody", "cvt-db:x"]),
    "--workdir": path,
}
MANY = 5


@st.composite
def options(draw: st.DrawFn) -> str:
    """One flag as it may be written, quoted for a shell."""
    flag = draw(st.sampled_from(sorted(FLAGS)))
    values = FLAGS[flag]
    if values is None:
        return draw(st.sampled_from([flag, f"{flag}=true", f"{flag}=false"]))
    value = draw(values)
    return shlex.join([f"{flag}={value}"] if draw(st.booleans()) else [flag, value])


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A whole line; it may be one that Docker refuses."""
    given = draw(st.lists(options(), min_size=1, max_size=MANY))
    image = draw(st.sampled_from(["cvt/app", "cvt/full", "cvt/gpu:12.4-devel"]))
    command = draw(st.lists(word, max_size=3))
    return " ".join(["docker run", *given, image, shlex.join(command)]).rstrip()
