"""The toolkit as `make install` leaves it, under a systemd that is process 1 of namespaces of its own.

Root of the box is this machine's tree with a layer in memory above it, so nothing written there reaches the machine;
/tmp, /var/tmp, /run and /dev are its own. Its network is one loopback: a thread that calls enter_network() reaches the
client ports at their default numbers. The box ends with its process 1.
"""
import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
SYSTEMD = "/lib/systemd/systemd"
NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--net")
CLONE_NEWNET = 0x40000000


def why_not():
    """What this machine lacks, or None."""
    if os.environ.get("QF_VARIANT") == "asan":
        return "what `make install` installs is the release build"
    if os.geteuid() != 0:
        return "only root can make a box with a systemd in it"
    if not shutil.which("unshare") or not os.access(SYSTEMD, os.X_OK):
        return "systemd is not installed (apt-get install systemd)"
    try_ = subprocess.run(["unshare", *NAMESPACES, "--fork", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                          capture_output=True, text=True, timeout=20)
    return None if try_.returncode == 0 else f"namespaces and mounts are not allowed here: {try_.stderr.strip()}"


def enter_network(pid):
    """The calling thread's network becomes that of the process."""
    with open(f"/proc/{pid}/ns/net", "rb") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET) < 0:
            raise OSError(ctypes.get_errno(), "setns")


class Box:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.name = f"qf-box-{os.getpid()}"
        self.log_path = self.dir / "box.log"
        base = self.dir / "base"
        base.mkdir()
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(
                ["unshare", *NAMESPACES, "--fork", "--kill-child", "--propagation", "private",
                 str(TOP / "tests/integration/sdbox.sh"), str(base), str(TOP), self.name],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.init = self.wait(self.first_child, 20)
            self.wait(lambda: self.comm() == "systemd", 120)
            self.wait(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"), 60)
        except BaseException:
            self.close()
            raise

    def wait(self, what, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                if value := what():
                    return value
            assert self.child.poll() is None, self.log_path.read_text(errors="replace")[-4000:]
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s\n" + self.log_path.read_text(errors="replace")[-4000:])

    def first_child(self):
        words = pathlib.Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()
        return int(words[0]) if words else None

    def comm(self):
        return pathlib.Path(f"/proc/{self.init}/comm").read_text().strip()

    def run(self, *argv, check=True, timeout=60, **kw):
        done = subprocess.run(["nsenter", "-t", str(self.init), "-m", "-p", "-u", "-i", "-n", "-C", "--", *map(str, argv)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, **kw)
        assert not check or done.returncode == 0, (argv, done.returncode, done.stdout, done.stderr)
        return done

    def systemctl(self, *words, **kw):
        return self.run("systemctl", "--no-pager", *words, **kw)

    def show(self, unit, *names):
        """The values of these properties, in that order."""
        lines = self.systemctl("show", unit, *(f"-p{name}" for name in names)).stdout.splitlines()
        values = dict(line.split("=", 1) for line in lines)
        return [values[name] for name in names] if len(names) > 1 else values[names[0]]

    def pid(self, unit):
        """The main process, as this side of the box numbers it; None when there is none."""
        inside = int(self.show(unit, "MainPID"))
        mine = os.readlink(f"/proc/{self.init}/ns/pid")
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if inside and os.readlink(place / "ns/pid") == mine:
                    line = next(x for x in (place / "status").read_text().splitlines() if x.startswith("NSpid:"))
                    if int(line.split()[-1]) == inside:
                        return int(place.name)
        return None

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit).stdout

    def path(self, inside):
        """A file of the box, seen from here."""
        return pathlib.Path(f"/proc/{self.init}/root{inside}")

    def close(self):
        """Process 1 takes all others with it; then the control groups are empty."""
        with contextlib.suppress(OSError, AttributeError):
            os.kill(self.init, signal.SIGKILL)
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        place = self.dir / "base"
        subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                        'mount -t cgroup2 cgroup2 "$1" && [ -d "$1/$2" ] && find "$1/$2" -depth -type d -exec rmdir {} +', "sh", place,
                        self.name], capture_output=True, timeout=20)
