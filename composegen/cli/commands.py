"""Which commands there are, in the order of `--help`. Data: adding a command is adding its line and its module.

A command's module is imported when that command runs. The list itself needs no import at all, so `composegen --help` takes less
time than `docker compose version`; typer alone would take more.
"""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    name: str
    module: str  # in composegen.cli; its `register` adds the command
    summary: str  # the first line of its --help


FIRST = (
    Command("init", "init", "Write a folder of plain Docker files."),
    Command("up", "up", "Build if needed, start, wait until SSH lets in, test, and say how to connect."),
    Command("connect", "connect", "Say what an IDE needs, here or on your laptop: links, address, interpreter."),
    Command("status", "lifecycle", "Say how the container is."),
    Command("test", "test", "Test the running container over SSH: logins, interpreter, framework, GPU, files, forwarding."),
    Command("doctor", "doctor", "Say whether this host is ready for this folder, and what to do where it is not."),
    Command("down", "lifecycle", "Remove the container and its network; images and code stay, volumes too unless asked."),
    Command("ls", "server", "List every composegen container on this engine, whoever's it is."),
)
MORE = (
    Command("ssh", "lifecycle", "Log in with the real OpenSSH client: the right user, port, key and known host."),
    Command("logs", "lifecycle", "Show what the container said."),
    Command("exec", "lifecycle", "Run a command in the container as root, past SSH; bash by default."),
    Command("ssh-keys", "ssh_keys", "Say who may log in by key, or change it at once; jobs and open sessions go on."),
    Command("ide", "ide", "Put IDE backends and extensions into the container, or Toolbox on this machine; list, remove."),
    Command("ps", "lifecycle", "Show the folder's containers, as `docker compose ps --all` does."),
    Command("start", "lifecycle", "Start the container that was stopped, and wait until SSH lets in."),
    Command("stop", "lifecycle", "Stop the container; what is in it stays."),
    Command("restart", "lifecycle", "Stop the container, start it again, and wait until SSH lets in."),
    Command("build", "lifecycle", "Build the image, whether or not anything changed."),
    Command("pull", "lifecycle", "Fetch the newest base image of that name; the next `up` builds on it."),
    Command("rm", "lifecycle", "The same as `down`."),
    Command("clean", "server", "Remove images and volumes of composegen's that are left over, after asking; never another user's."),
    Command("explain", "explain", "Read an error text, name the cause, print the fix."),
    Command("convert", "convert", "Turn a `docker run` line into Compose, or into a folder with SSH; and back."),
    Command("check", "folders", "Exit 1 and show the difference where a folder is not as composegen writes it."),
    Command("update", "folders", "Bring a folder to the current templates, or to another version, merged with your edits."),
    Command("stacks", "catalogue", "List the stacks that `init` can write, or show one."),
)
COMMANDS = {command.name: command for command in (*FIRST, *MORE)}


def overview() -> str:
    """What `composegen --help` prints."""
    return "\n".join(
        [
            "Usage: composegen COMMAND [DIR] [OPTIONS]",
            "",
            "  One line gives a GPU container that an IDE opens over SSH: composegen init mindspore",
            "",
            "Commands:",
            *map(_line, FIRST),
            "",
            "More:",
            *map(_line, MORE),
            "",
            "Options:",
            "  --version             Show the version and exit.",
            "  --install-completion  Install completion for the current shell; --show-completion prints it.",
            "  --help                Show this message; `composegen COMMAND --help` shows a command's options and an example.",
        ]
    )


def _line(command: Command) -> str:
    return f"  {command.name:9}{command.summary}"
