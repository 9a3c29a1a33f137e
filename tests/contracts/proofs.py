"""What must hold for every contract. A stand-in proves our side of it, not the vendor's image: see tests/support/standins.py."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.contracts.conftest import USER, Made
from tests.support.engine import unique_name
from tests.support.ssh_client import ssh
from tests.support.standins import DEBIAN, ENTERED, old_sshd

USERS = (USER, "root")


class Proofs:
    pytestmark = pytest.mark.engine

    def test_the_smoke_tests_pass(self, made: Made) -> None:
        report = made.cli("test", "--without", "framework", "--without", "gpu", "--json", cwd=made.path)
        outcomes = {check["name"]: (check["status"], check["detail"]) for check in report.json["checks"]}
        assert not {name: said for name, said in outcomes.items() if said[0] == "fail"}
        assert report.code == 0
        assert all(outcomes[name][0] == "ok" for name in ("login-key", "identity", "environment", "interpreter", "supervisor"))
        # An old system is not a failure: it says which IDEs are for it, and what of the same stack is on a newer one.
        hint = next(check["hint"] for check in report.json["checks"] if check["name"] == "ide-libc")
        assert [word in hint for word in ("1.98", "composegen update --")] == [bool(made.contract.ide)] * 2, hint

    def test_every_variable_of_the_image_is_in_every_session(self, made: Made) -> None:
        # compose.nogpu.yaml says that there is no GPU.
        wanted = dict(made.contract.env) | ({"NVIDIA_VISIBLE_DEVICES": "void"} if made.case.variant.needs_gpu else {})
        inside = variables(made.inside("env", "-0"))
        assert {name: inside[name] for name in wanted} == wanted
        del inside["HOSTNAME"]
        for user in USERS:
            own = {"HOME": "/root" if user == "root" else f"/home/{user}"}
            for command in ("env -0", "bash -lc 'env -0'"):
                session = variables(made.ssh(command, user=user).stdout)
                assert {name: session.get(name) for name in inside} == {**inside, **own}, f"{command} as {user}"

    def test_the_interpreter_is_the_contracts(self, made: Made) -> None:
        assert made.inside("cat", "/etc/composegen/interpreter") == made.contract.interpreter

    def test_a_requirement_is_installed_and_found_by_the_interpreter(self, made: Made) -> None:
        script = '"$(cat /etc/composegen/interpreter)" -c "import iniconfig; print(iniconfig.__name__)"'
        for user in USERS:
            assert made.ssh(script, user=user).stdout == "iniconfig\n"

    def test_an_entrypoint_of_the_image_runs_or_is_replaced_as_the_contract_says(self, made: Made) -> None:
        expected = made.contract.entrypoint if made.contract.keeps_entrypoint else ""
        assert made.logs().count(ENTERED) == (1 if expected else 0)
        for user in USERS:
            assert made.ssh('printf %s "${STANDIN_ENTRYPOINT:-}"', user=user).stdout == expected

    def test_nothing_is_left_of_the_images_command_and_user(self, made: Made) -> None:
        assert made.engine("inspect", "--format", "{{json .Config.Cmd}} {{.Config.WorkingDir}}", made.project) == "null /home/code"
        assert made.inside("id", "-un") == "root"
        assert "supervisord" in made.inside("cat", "/proc/1/cmdline")

    def test_sh_stays_what_it_was(self, made: Made) -> None:
        assert made.inside("readlink", "-f", "/bin/sh") == f"/usr/bin/{made.contract.shell}"

    def test_whoever_has_the_uid_in_the_image_does_not_get_in_the_way(self, made: Made) -> None:
        seen = made.ssh('id -un; id -u; echo "$HOME"; cd && pwd; touch /home/code/mine && stat -c %U /home/code/mine').stdout
        assert seen.split() == [USER, str(made.path.joinpath("code").stat().st_uid), f"/home/{USER}", f"/home/{USER}", USER]

    def test_sshd_of_that_age_is_given_what_it_knows(self, made: Made) -> None:
        configuration = made.inside("cat", "/run/composegen/sshd_config")
        assert ("SetEnv " in configuration) is not old_sshd(made.contract)
        assert ("PerSourcePenalties no" in configuration) is (DEBIAN[made.contract.os] == "trixie")
        if old_sshd(made.contract):
            for option in ("SetEnv A=b", "Include /etc/other"):
                asked = ("bash", "-c", f"echo {option} >/tmp/config; /usr/sbin/sshd -t -f /tmp/config")
                refused = made.engine.run("exec", made.project, *asked)
                assert refused.returncode == 255 and f"Bad configuration option: {option.split()[0]}" in refused.stderr

    def test_refused_logins_lock_nobody_out(self, made: Made) -> None:
        """By default OpenSSH since 9.8 refuses an address after a few failures, and behind the engine everybody has the same."""
        wrong = made.path.parent / "wrong-key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(wrong)], check=True)
        for _ in range(6 if DEBIAN[made.contract.os] == "trixie" else 1):
            refused = ssh(made.port, "true", user="root", key=wrong)
            assert refused.returncode == 255 and "Permission denied" in refused.stderr
        assert made.ssh("echo in").stdout == "in\n"

    def test_supervisor_has_a_python_that_can_run_it(self, made: Made) -> None:
        python = made.inside("cat", "/etc/composegen/supervisor-python")
        relinked = made.engine.run("exec", made.project, "/usr/bin/python3", "-c", "import supervisor").returncode != 0
        assert relinked is ("relinked-python" in made.contract.quirks)
        assert made.inside(python, "-c", "import supervisor; print('here')") == "here"

    def test_package_sources_work_whichever_key_of_nvidias_the_image_has(self, made: Made) -> None:
        rotated = "nvidia-key-rotated" in made.contract.quirks
        set_aside = made.inside("find", "/etc/apt", "-name", "*.disabled").split()
        assert [path.rpartition("/")[2] for path in sorted(set_aside)] == (
            ["cuda.list.disabled", "nvidia-ml.list.disabled"] if rotated else []
        )
        if rotated:
            update = ("--rm", "--name", f"composegen-standin-{unique_name()}", made.image, "apt-get", "update")
            before = made.engine.run("run", *update)
            assert before.returncode == 100 and "NO_PUBKEY" in before.stderr, "the stand-in is not what it is for"
            assert made.engine.run("exec", made.project, "apt-get", "update").returncode == 0

    def test_sshd_comes_back_after_it_was_killed(self, made: Made) -> None:
        before = made.inside("cat", "/run/sshd.pid")
        made.inside("kill", "-9", before)
        deadline = time.monotonic() + 15
        while made.ssh("true").returncode != 0:
            assert time.monotonic() < deadline, made.logs()
            time.sleep(0.1)
        assert made.inside("cat", "/run/sshd.pid") != before


def variables(text: str) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)
