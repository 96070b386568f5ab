"""A real server of PostgreSQL of one test, which can be killed."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import Failure, check, free_ports, wait_until
from patience import patient

USER = "postgres"  # the server does not run as root
PASSWORD = "hunter2postgres"
START_S = patient(60)


def program(name):
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found:
        raise Failure(f"PostgreSQL's {name} is missing: install what tools/packages.txt lists under [test]")
    return str(found[-1])


class Postgres:
    def __init__(self, box):
        self.directory = Path(tempfile.mkdtemp(prefix="freshet-postgres-"))
        self.port = free_ports(1)[0]
        self.user = USER if os.geteuid() == 0 else None
        self.process = None
        box.at_end(self.end)
        password = self.directory / "password"
        password.write_text(PASSWORD, encoding="ascii")
        if self.user:
            for path in (self.directory, password):
                shutil.chown(path, self.user, self.user)
        self.run(program("initdb"), "-D", self.directory / "data", "-U", "freshet", "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync")
        self.uri = f"postgresql://freshet:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def run(self, *command):
        done = subprocess.run([str(part) for part in command], capture_output=True, user=self.user, cwd=self.directory, check=False,
                              timeout=START_S)
        check(done.returncode == 0, lambda: f"{command[0]}: {done.stderr.decode(errors='replace')}")

    def launch(self):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([program("postgres"), "-D", str(self.directory / "data"), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
                                             "-c", f"unix_socket_directories={self.directory}", "-c", "shared_buffers=16MB"],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=self.user, cwd=self.directory)

    def answers(self):
        # Processes of one that was killed may live on for a moment, and hold the memory that the next one wants: that
        # one ends, and is started again.
        if self.process.poll() is not None:
            self.launch()
        return self.ask("SELECT 1") == [["1"]]

    def start(self):
        self.launch()
        wait_until(self.answers, START_S, "PostgreSQL answers")
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def ask(self, statement):
        """The rows as text; None: the server does not answer, or has no such table."""
        done = subprocess.run([program("psql"), self.uri, "--no-psqlrc", "-AtqF", "\x1f", "-R", "\x1e", "-c", statement], capture_output=True,
                              check=False, timeout=START_S)
        if done.returncode == 2 or b"does not exist" in done.stderr:
            return None
        check(done.returncode == 0, lambda: f"{statement}: {done.stderr.decode(errors='replace')}")
        text = done.stdout.decode().rstrip("\n")
        return [row.split("\x1f") for row in text.split("\x1e")] if text else []
