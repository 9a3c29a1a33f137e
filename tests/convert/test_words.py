"""What shells make of a text: words, and what stands for what they would have expanded."""

from __future__ import annotations

import pytest

from composegen.convert import Person, convert
from composegen.convert.words import from_text

ADA = Person(uid=1007, gid=1008, host="lab")


def words(text: str) -> list[list[str]]:
    script = from_text(text, ADA)
    return [[script.expansions.as_compose(word.text) for word in command] for command in script.commands]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a b  c\td", ["a", "b", "c", "d"]),
        ("a 'b c' \"d e\" f\\ g", ["a", "b c", "d e", "f g"]),
        ('a "b\\"c" \'d\\e\' "f\\g"', ["a", 'b"c', "d\\e", "f\\g"]),
        ("a 'it'\"'\"'s'", ["a", "it's"]),
        ("a '' \"\"", ["a", "", ""]),
        ("a $'x\\ty'", ["a", "x\ty"]),
        ("a '$HOME' \\$X \"\\$X\"", ["a", "$$HOME", "$$X", "$$X"]),
        ("a $HOME/x ${A:-b} ${C?gone}", ["a", "${HOME}/x", "${A:-b}", "${C?gone}"]),
        ("a ~ ~/x b~ '~' K=~/y --k=~/z", ["a", "${HOME}", "${HOME}/x", "b~", "~", "K=${HOME}/y", "--k=~/z"]),
        ("a $(id -u):$(id -g) $UID `hostname`", ["a", "1007:1008", "1007", "lab"]),
        ("a $(whoami)", ["a", "${USER}"]),
        ("a $PWD/x ${PWD}/x $(pwd)/x", ["a", "${PWD}/x", "${PWD}/x", "${PWD}/x"]),
        ("a \\\n  b\\\nc", ["a", "bc"]),
        ("a # b", ["a"]),
        ("a b#c", ["a", "b#c"]),
        ("a 5$", ["a", "5$$"]),
    ],
)
def test_words_of_sh(text: str, meant: list[str]) -> None:
    assert words(text) == [meant]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('docker run ^\n -v "%CD%:/x" ^\n -e A=\'b img', ["docker", "run", "-v", "${PWD}:/x", "-e", "A='b", "img"]),
        ("docker run -v %USERPROFILE%\\x:/y img", ["docker", "run", "-v", "${USERPROFILE}\\x:/y", "img"]),
        ('docker run -v %cd%:/x -e "A=\\"q\\"" img', ["docker", "run", "-v", "${PWD}:/x", "-e", 'A="q"', "img"]),
        ("docker run `\n  -v ${PWD}:/x `\n  img", ["docker", "run", "-v", "${PWD}:/x", "img"]),
        ("docker run -v $pwd.Path:/x -e T=$env:TOKEN img", ["docker", "run", "-v", "${PWD}:/x", "-e", "T=${TOKEN}", "img"]),
        ("docker run -e `\n \"A=`\"q`\"\" -e 'B=it''s' img", ["docker", "run", "-e", 'A="q"', "-e", "B=it's", "img"]),
        ("PS C:\\work> docker run img", ["docker", "run", "img"]),
        ("C:\\Users\\ada> docker run img", ["docker", "run", "img"]),
    ],
)
def test_words_of_the_shells_of_windows(text: str, meant: list[str]) -> None:
    assert words(text) == [meant]


@pytest.mark.parametrize("prompt", ["$ ", "# ", "% ", "ada@lab:~$ ", "root@box:/# ", "[ada@lab]$ ", "❯ ", "$"])
def test_a_prompt_is_not_the_command(prompt: str) -> None:
    assert words(f"{prompt}docker run img") == [["docker", "run", "img"]]


def test_what_is_written_in_sh_is_not_taken_for_another_shell() -> None:
    assert words("docker run -v /a:`pwd`\nls") == [["docker", "run", "-v", "/a:${PWD}"], ["ls"]]
    assert words("docker run --log-opt tag=%d img date +%Y%m%d") == [
        ["docker", "run", "--log-opt", "tag=%d", "img", "date", "+%Y%m%d"]
    ]
    assert words("docker run img grep 'a^' \\\n  b") == [["docker", "run", "img", "grep", "a^", "b"]]


def test_commands_end_where_the_shell_ends_them() -> None:
    assert words("cd x && a b; c | d\ne & f") == [["cd", "x"], ["a", "b"], ["c"], ["e"], ["f"]]


@pytest.mark.parametrize("redirected", ["a b > log", "a b >> log 2>&1", "a 2>/dev/null b", "a b &> log", "a b < file"])
def test_redirections_are_the_shells(redirected: str) -> None:
    assert words(redirected) == [["a", "b"]]


def test_no_name_is_taken_for_an_extension_of_composes() -> None:
    found = convert("docker run --name x-web --network x-net -e x-odd=1 -e EVEN img").document
    assert found["services"] == {
        "own-x-web": {
            "image": "img",
            "container_name": "x-web",
            "environment": ["x-odd=1", "EVEN"],
            "networks": {"own-x-net": None},
        }
    }
    assert found["networks"] == {"own-x-net": {"name": "x-net", "external": True}}


def test_the_current_folder_is_that_of_the_compose_file_and_that_is_said() -> None:
    found = convert('docker run -v "$PWD/src":/src -v $(pwd):/all -e AT=$PWD img')
    (service,) = found.document["services"].values()
    assert service["volumes"] == ["./src:/src", ".:/all"]
    assert service["environment"] == {"AT": "${PWD}"}
    assert [note.kind for note in found.notes] == ["meaning"] * len(found.notes) and found.notes


def test_words_that_a_shell_has_split_are_taken_as_they_are() -> None:
    found = convert(["docker", "run", "-e", "A=$HOME ~ <x>", "img", "echo", "#no", "a;b", "*"])
    (service,) = found.document["services"].values()
    assert service["environment"] == {"A": "$$HOME ~ <x>"}
    assert service["command"] == ["echo", "#no", "a;b", "*"]
