# Written by composegen. supervisord's configuration, and the programs of services/*.conf that it keeps running beside sshd.
#   supervisord.py write       in the build: supervisord.conf beside this file
#   supervisord.py check       in the build: fail for a file of services/ that cannot be used
#   supervisord.py start USER  at start: each program runs as USER, in that home, and its output goes to the container's log, unless its
#                             file says otherwise; a file that cannot be used is named and left out
# It is run by the distribution's Python that supervisor needs, which may be an old one.
import glob
import os
import pwd
import re
import shutil
import sys
import tempfile

from supervisor.options import ServerOptions, UnhosedConfigParser

SUPERVISORD = """\
; Written by composegen's supervisord.py.

[supervisord]
nodaemon=true
user=root
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/supervisord.pid

[unix_http_server]
file=/run/supervisor.sock
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix:///run/supervisor.sock

[program:sshd]
command=/etc/composegen/entrypoint.sh sshd
autorestart=true
; 0 seconds: with more, supervisor gives up for good (FATAL) after a few quick ends; and so it does after a few starts that the
; system refuses, as without memory for another process.
startsecs=0
startretries=1000000
redirect_stderr=true
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0

; When the container stops, SSH jobs hear SIGTERM and may finish. `supervisorctl reload` counts as that, `update` does not.
[eventlistener:stop-jobs]
command=/etc/composegen/entrypoint.sh stop-jobs
events=SUPERVISOR_STATE_CHANGE_STOPPING
autorestart=true
startsecs=0
startretries=1000000
; Just under stop_grace_period of compose.yaml.
stopwaitsecs=28
stderr_logfile=/dev/stderr
stderr_logfile_maxbytes=0

; Copies of services/*.conf, completed and checked at every start.
[include]
files=/run/composegen/services/*.conf
"""
HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGURATION = os.path.join(HERE, "supervisord.conf")
READ = "/run/composegen/services"  # what that includes
LOG = "redirect_stderr=true\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n"
# The build knows neither the variables of compose.yaml nor the users that are made at start.
KNOWN_AT_START = r"cannot be expanded|Invalid user name"

class Said(list):
    write = list.append

def defaults(parser, section, user):
    """Lines that complete a program's section."""
    has = dict(parser.items(section))
    lines = "" if "user" in has else "user=%s\n" % user
    try:
        account = pwd.getpwnam(has.get("user", user))
        own = {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name, "SHELL": account.pw_shell}
        pairs = ['%s="%s"' % (name, value.replace("%", "%%")) for name, value in sorted(own.items())]
        given = " ".join(has.get("environment", "").split("\n"))
        lines += "environment=%s\n" % ",".join(pairs + ([given] if given.strip() else []))
    except KeyError:
        pass
    is_program = section.startswith(("program:", "fcgi-program:"))
    return lines + (LOG if is_program and "stdout_logfile" not in has else "")

def complete(path, user):
    """The text that supervisord reads. Raises ValueError: the file holds what is not a program's."""
    parser = UnhosedConfigParser()
    parser.read(path)
    text = ""
    for section in parser.sections():
        kind, _, name = section.partition(":")
        if kind not in ("program", "fcgi-program", "eventlistener", "group") or name in ("", "sshd", "stop-jobs"):
            raise ValueError("[%s] does not belong here: give a program a name of its own, as in [program:NAME]" % section)
        if kind != "group":
            text += "[%s]\n%s" % (section, defaults(parser, section, user))
    if not text:
        raise ValueError("it has no [program:NAME]")
    with open(path, "rb") as file:
        return file.read() + ("\n%s" % text).encode("utf-8")

def refusal(path, user, configuration, read):
    """Why supervisord cannot use a file; empty where it is now in the folder `read`."""
    read = os.path.join(read, os.path.basename(path))
    said = Said()
    try:
        with open(read, "wb") as file:
            file.write(complete(path, user))
        options = ServerOptions()
        options.stdout = options.stderr = said
        options.realize(["-c", configuration])
        return ""
    except SystemExit:
        reason = "".join(said).split("\nFor help")[0].replace("Error: ", "", 1)
    except Exception as error:
        reason = str(error)
    if os.path.exists(read):
        os.remove(read)
    return " ".join(reason.replace(read, os.path.basename(path)).split())

def refused(user, configuration, read):
    """Each file that cannot be used, and why; the others are in the folder `read`."""
    paths = sorted(glob.glob(os.path.join(HERE, "services", "*.conf")))
    found = [(os.path.basename(path), refusal(path, user, configuration, read)) for path in paths]
    return [(name, reason) for name, reason in found if reason]

def foreign():
    """Whether the configuration is a file of container/, as older folders have one, and somebody edited that."""
    if not os.path.exists(CONFIGURATION):
        return False
    with open(CONFIGURATION) as there:
        return there.read() != SUPERVISORD

def write():
    """Raises or exits where this Python cannot run supervisor."""
    if not foreign():
        with open(CONFIGURATION, "w") as file:
            file.write(SUPERVISORD)
        ServerOptions().realize(["-c", CONFIGURATION])
    return []

def check():
    """Fail the build for what would be left out at start. The folder of a running container stays as it is."""
    if foreign():
        return ["container/supervisord.conf is not read: supervisord.py there holds that text, and programs belong in services/"]
    scratch = tempfile.mkdtemp()
    configuration = os.path.join(scratch, "supervisord.conf")
    with open(configuration, "w") as copy:
        copy.write(SUPERVISORD.replace(READ, scratch))
    found = [(name, reason) for name, reason in refused("root", configuration, scratch) if not re.search(KNOWN_AT_START, reason)]
    shutil.rmtree(scratch)
    return ["services/%s: %s" % each for each in found]

def start(user):
    shutil.rmtree(READ, ignore_errors=True)
    os.makedirs(READ)
    return ["services/%s is left out: %s" % each for each in refused(user, CONFIGURATION, READ)]

said = {"write": write, "check": check, "start": start}[sys.argv[1]](*sys.argv[2:])
for line in said:
    print("composegen: " + line)
sys.exit(1 if said else 0)
