"""What nobody can mean, or Docker and the shell would refuse, is refused by name and place; nothing is guessed."""

from __future__ import annotations

import pytest

from composegen.convert import convert
from composegen.errors import UsageError

# What was written, where the mistake is, and a part of what is said of it.
MALFORMED = [
    # placeholders
    ("docker run -v <your-path>:/data img", "column 15", "<your-path> is a placeholder"),
    ("docker run -v {path}:/data img", "column 15", "{path} of --volume is a placeholder"),
    ("docker run -p ...:80 img", "column 15", "... of --publish is a placeholder"),
    ("docker run --name <name> img", "column 19", "<name> is a placeholder"),
    ("docker run [OPTIONS] img", "column 12", "'[OPTIONS]' is not the name of an image"),
    ("docker run -it <image>", "column 16", "<image> is a placeholder"),
    ("docker run -it {image}", "column 16", "{image} of the image is a placeholder"),
    ("docker run -e KEY=… img", "column 15", "… of --env is a placeholder"),
    # the text itself
    ("docker run –p 80:80 img", "column 12", "typographic dash"),
    ("docker run -e “A=b” img", "column 15", "typographic quotation mark"),
    ("docker run\u00a0-p 80:80 img", "column 11", "a blank that no shell takes for one"),
    ("docker run -e 'A=b img", "column 15", "the quotation mark ' is never closed"),
    ('docker run -e "A=b img', "column 15", 'the quotation mark " is never closed'),
    ("docker run \\ \n  -p 80:80 img", "line 1, column 12", "with a blank behind it does not continue the line"),
    ("docker run -p 80:80\n  -v /a:/b img", "line 1, column 20", "does not end with \\"),
    ("docker run \\\n  # the port\n  -p 80:80 img", "line 2, column 13", "a comment ends the command"),
    ("(docker run img)", "column 1", "'(' begins or ends a subshell"),
    ("docker run -e A=\x00 img", "column 17", "no text that a compose file can hold"),
    ("docker run -e A=\ue000 img", "column 17", "no text that a compose file can hold"),
    # what only the shell knows
    ("docker run -e NOW=$(date) img", "column 19", "only the shell knows what stands for $(date)"),
    ("docker run -e A=`ls` img", "column 17", "only the shell knows what stands for `ls`"),
    ("docker run -e A=${B#x} img", "column 17", "only the shell knows"),
    ("docker run -e A=$1 img", "column 17", "only the shell knows what stands for $1"),
    ("docker run --name c$RANDOM img", "column 20", "only the shell knows what stands for $RANDOM"),
    # flags
    ("docker run", "column 1", "this line names no image"),
    ("docker run -p 80:80", "column 1", "this line names no image"),
    ("docker run --gpu all img", "column 12", "no flag of docker run named '--gpu'"),
    ("docker run -z img", "column 12", "no flag of docker run named '-z'"),
    ("docker run -itz img", "column 12", "no flag of docker run named '-z'"),
    ("docker run -v", "column 12", "--volume has no value"),
    ("docker run --rm=maybe img", "column 12", "--rm=maybe is neither true nor false"),
    ("docker run My/Image", "column 12", "'My/Image' is not the name of an image"),
    ("docker run img:", "column 12", "'img:' is not the name of an image"),
    # values
    ("docker run -p 80:80:80:80 img", "column 15", "--publish: '80:80:80:80' is not a port"),
    ("docker run -p 99999:80 img", "column 15", "is not a range of ports"),
    ("docker run -p 80-70:80-70 img", "column 15", "is not a range of ports"),
    ("docker run -p 80-82:80-81 img", "column 15", "3 ports outside and 2 inside"),
    ("docker run -p http:80 img", "column 15", "'http:80' is not a port"),
    ("docker run -p 80:80/icmp img", "column 15", "is not a port"),
    ("docker run -p mode=host,target=80 img", "column 15", "is none of target="),
    ("docker run --expose 80:80 img", "column 21", "is not a port to expose"),
    ("docker run -v data img", "column 15", "'data' is not an absolute path in the container"),
    ("docker run -v my/data:/data img", "column 15", "'my/data' is neither a path nor a volume's name"),
    ("docker run -v /a:b img", "column 15", "'b' is not an absolute path in the container"),
    ("docker run -v /a:/b:rx img", "column 15", "no mode of a volume named 'rx'"),
    ("docker run -v /a:ro img", "column 15", "has a mode and no source"),
    ("docker run -v /a:/ img", "column 15", "nothing can be mounted at /"),
    ("docker run --volume=~/x:/y img", "column 12", "a shell leaves ~ as it is there"),
    ("docker run --mount source=/a,target=/b img", "column 20", "'/a' is neither a path nor a volume's name"),
    ("docker run --mount type=bind,source=a,target=/b img", "column 20", "'a' is not an absolute path"),
    ("docker run --mount type=bind,target=/b img", "column 20", "names no source"),
    ("docker run --mount type=bind,source=/a img", "column 20", "names no target"),
    ("docker run --mount type=bind,src=/a,dst=/b,tmpfs-size=1m img", "column 20", "a mount of type bind has no tmpfs-… part"),
    ("docker run --mount type=blind,src=/a,dst=/b img", "column 20", "is not one of bind, volume, tmpfs"),
    ("docker run --mount type=bind,sourc=/a,dst=/b img", "column 20", "did you mean 'source'?"),
    ("docker run --gpus device=0,1 img", "column 19", "says both how many GPUs and which"),
    ("docker run --gpus some img", "column 19", "'some' is neither all nor a number of GPUs"),
    ("docker run --gpus 'gpu=1' img", "column 19", "no part of --gpus named 'gpu'"),
    ("docker run --device fuse img", "column 21", "'fuse' is not a device"),
    ("docker run --device /dev/a:/dev/b:rwx img", "column 21", "is not a device"),
    ("docker run --ulimit nofile img", "column 21", "'nofile' is not a limit"),
    ("docker run --ulimit nofiles=1 img", "column 21", "did you mean 'nofile'?"),
    ("docker run --ulimit nofile=9:1 img", "column 21", "a soft limit above the hard one"),
    ("docker run -m lots img", "column 15", "'lots' is not a size"),
    ("docker run --shm-size 8x img", "column 23", "'8x' is not a size"),
    ("docker run --cpus two img", "column 19", "'two' is not a number of CPUs"),
    ("docker run --restart sometimes img", "column 22", "'sometimes' is not one of no, always"),
    ("docker run -e =x img", "column 15", "has no variable's name"),
    ("docker run --health-interval 30 img", "column 30", "'30' is not a time"),
    ("docker run --no-healthcheck --health-cmd true img", "column 12", "--no-healthcheck excludes"),
    ("docker run --network host --network other img", "column 37", "host and another network exclude each other"),
    ("docker run --ip 10.0.0.5 img", "column 26", "--ip needs a network of your own"),
    ("docker run --network-alias db img", "column 31", "--network-alias needs a network of your own"),
    ("docker run --network name=a,aliass=b img", "column 22", "did you mean 'alias'?"),
    ("docker run --add-host db img", "column 23", "'db' is not NAME:ADDRESS"),
    ("docker run --sysctl net.core.somaxconn img", "column 21", "is not KEY=VALUE"),
    ("docker run --mac-address 92-d0 img", "column 26", "is not a MAC address"),
    ("docker run --pid me img", "column 18", "'me' is not one of host, container:NAME"),
    ("docker run -w app img", "column 15", "'app' is not an absolute path in the container"),
    ("docker run --tmpfs run img", "column 20", "'run' is not an absolute path in the container"),
    ("docker run --stop-timeout -1 img", "column 27", "seconds are forever"),
]


@pytest.mark.parametrize(("line", "where", "said"), MALFORMED, ids=[line for line, _, _ in MALFORMED])
def test_it_is_refused_by_name_and_place(line: str, where: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        convert(line)
    assert raised.value.message.startswith(f"{where}: "), raised.value.message
    assert said in f"{raised.value.message} {raised.value.hint}"
    assert raised.value.hint


@pytest.mark.parametrize(
    "text", ["", "  \n", "# docker is fine", "ls -l", "docker ps", "docker compose up -d", "docker build -t x ."]
)
def test_a_text_without_a_line_says_so(text: str) -> None:
    with pytest.raises(UsageError, match="there is no `docker run` in that"):
        convert(text)


def test_two_containers_of_one_name_are_none() -> None:
    with pytest.raises(UsageError, match="two lines name their container 'web'"):
        convert("docker run --name web a\ndocker run --name web b")


@pytest.mark.parametrize(
    ("line", "what", "kind"),
    [
        ("docker run -v /path/to/data:/data img", "/path/to", "meaning"),
        ("docker run -e TOKEN=your_token img", "your_token", "meaning"),
        ("docker run -e 'TITLE=<title>' img", "<title>", "meaning"),
        ("docker run img cat {file}", "{file}", "meaning"),
        ("docker run img ls *.py", "*", "meaning"),
        ("FLAG=1 docker run -e FLAG img", "FLAG", "meaning"),
        ("docker run $OPTIONS img", "${OPTIONS}", "meaning"),
        ("docker run -d img", "--detach", "dropped"),
        ("docker run --rm img", "--rm", "dropped"),
        ("docker run -P img", "--publish-all", "lost"),
        ("docker run --volumes-from a:ro img", "--volumes-from", "lost"),
        ("docker run --link-local-ip 169.254.1.1 img", "--link-local-ip", "lost"),
        ("docker run --mac-address 92:d0:c6:0a:29:33 img", "--mac-address", "lost"),
        ("docker run img | tee log", "|", "dropped"),
        ("docker run img &", "&", "dropped"),
        ("docker pull img; docker run img", "docker pull img", "dropped"),
        ("docker --context lab run img", "--context", "dropped"),
        ("podman run --replace --name box img", "--replace", "dropped"),
    ],
)
def test_what_may_not_mean_the_same_is_said(line: str, what: str, kind: str) -> None:
    notes = convert(line).notes
    assert (what, kind) in [(note.what, note.kind) for note in notes]
    assert all(note.where for note in notes)


def test_the_name_of_a_variable_is_known() -> None:
    for line in ("docker run -e $NAME=x img", "docker run -e $BOTH img", "docker run -l $KEY=v img"):
        with pytest.raises(UsageError, match="only the shell knows the name"):
            convert(line)
