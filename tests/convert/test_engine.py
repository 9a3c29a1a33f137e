"""The engine is the judge: the container of a line, and that of the file it is converted to, are one and the same."""

from __future__ import annotations

import copy
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from composegen.convert.flags import BY_NAME, FLAGS
from tests.convert.compare import fields
from tests.convert.drawn import lines as drawn_lines
from tests.convert.judge import Bench, read_lines
from tests.convert.verdicts import back_again, compared

pytestmark = pytest.mark.engine

LINES = read_lines(Path(__file__).parent / "lines.txt")
DRAWN = 40  # lines in a run of all tests; `pytest -m load tests/convert` draws more
DRAWN_BY_HAND = 500


def test_the_engine_makes_the_same_containers_of_lines_and_of_files(bench: Bench) -> None:
    assert len(LINES) >= 150
    found = compared(bench, LINES)
    wrong = [verdict for verdict in found if verdict.kind != "same"]
    assert not wrong, "\n".join(map(str, wrong))


def test_a_line_of_any_flags_is_the_same_or_refused(bench: Bench) -> None:
    judge_drawn(bench, DRAWN)


@pytest.mark.load
def test_many_lines_of_any_flags_are_the_same_or_refused(bench: Bench) -> None:
    judge_drawn(bench, DRAWN_BY_HAND)


def judge_drawn(bench: Bench, number: int) -> None:
    """All of them at once, for a creation of its own for each would take minutes."""

    @settings(max_examples=1, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(drawn_lines(), min_size=number, max_size=number, unique=True))
    def judged(lines: list[str]) -> None:
        found = compared(bench, lines)
        wrong = [verdict for verdict in found if verdict.kind in ("different", "Compose refuses")]
        assert not wrong, "\n".join(map(str, wrong))
        assert any(verdict.kind == "same" for verdict in found)

    judged()


def test_the_way_back_makes_the_same_container_too(bench: Bench) -> None:
    wrong = back_again(bench, [line for line in LINES if "\n" not in line])
    assert not wrong, "\n".join(map(str, wrong))


# A line for each flag that Compose has no word for.
LOST = {
    "--cpuset-mems": "docker run --cpuset-mems 0 cvt/app",
    "--link-local-ip": "docker run --link-local-ip 169.254.34.69 cvt/app",
    "--mac-address": "docker run --mac-address 92:d0:c6:0a:29:35 cvt/app",
    "--publish-all": "docker run -P cvt/app",
    "--rm": "docker run --rm cvt/app",
    "--use-api-socket": "docker run --use-api-socket cvt/app",
    "--volumes-from": "docker run --volumes-from cvt-db:ro cvt/app",
}


def test_what_compose_has_no_word_for_is_really_not_the_same(bench: Bench) -> None:
    """Once Compose learns a word, this says so, and the list gets shorter."""
    assert LOST.keys() == {flag.name for flag in FLAGS if flag.fields}
    found = compared(bench, list(LOST.values()), allowed=False)
    fields_of = {bench.own(line): BY_NAME[name].fields for name, line in LOST.items()}
    for verdict in found:
        assert verdict.kind == "different", verdict
        told = {each.partition(":")[0] for each in verdict.said.split("\n    ")}
        assert all(any(fnmatchcase(each, field) for field in fields_of[verdict.line]) for each in told), verdict


def test_some_fifty_fields_are_compared_and_each_can_tell_containers_apart(bench: Bench) -> None:
    """Were a field left out by mistake, changing it would not be seen."""
    ((container,),) = bench.all_created([bench.own("docker run --name cvt-fields cvt/full")])
    assert not isinstance(container, str)
    same = fields(container, set(), {})
    compared_fields = [f"{part}.{key}" for part in ("Config", "HostConfig") for key in container[part]]
    told = []
    for path in compared_fields:
        part, key = path.split(".")
        other = copy.deepcopy(container)
        other[part][key] = changed(other[part][key])
        try:
            if fields(other, set(), {}) != same:
                told.append(path)
        except (TypeError, AttributeError, KeyError, IndexError, ValueError):
            told.append(path)  # it is read, or it could not break anything
    assert len(told) >= 50, told


def changed(value: object) -> object:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 7
    if isinstance(value, list):
        return [*value, "x=y"]
    if isinstance(value, dict):
        return {**value, "x": "y"}
    return f"{value or ''}x"
