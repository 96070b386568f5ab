"""A process of `freshet COMMAND --config FILE --listen …`, killed and started again as a supervisor would."""
import signal
import subprocess

from harness import FRESHET, Http, check, check_equal, free_ports, shorten
from patience import patient

STOP_S = patient(30)


class Supervised:
    def __init__(self, box, command, name, text):
        self.command_name = command
        self.file = box.directory / f"{name}.yaml"
        self.file.write_text(text, encoding="utf-8")
        self.port = free_ports(1)[0]
        self.log = box.directory / f"{name}.log"
        self.process = None
        box.at_end(self.kill)

    def start(self, *arguments):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [FRESHET, self.command_name, "--config", self.file, "--listen", f"127.0.0.1:{self.port}", *arguments], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)
        return self

    def keep_running(self):
        """As a supervisor does; what is wrong for good is a failure."""
        if self.process.poll() is not None:
            check(self.process.poll() != 2, lambda: f"the {self.command_name} has stopped for good: {self.tail()}")
            self.start()

    def tail(self):
        return shorten(self.log.read_text(errors="replace")[-900:], 900)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check_equal(self.process.wait(STOP_S), 0, f"exit status at SIGTERM ({self.tail()})")

    def metric(self, name):
        """The sum over its labels; 0 while nobody answers."""
        try:
            text = Http(self.port).request("GET", "/metrics").body.decode()
        except OSError:
            return 0
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith((name + " ", name + "{")))
