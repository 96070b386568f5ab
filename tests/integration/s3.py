"""A server of S3's protocol for tests, and a gate in front of it that can be closed."""
import os
import socket
import subprocess
import threading

import packages
from harness import check, free_ports, shorten, wait_until
from patience import patient

READY_S = patient(60)
BUCKET = "freshet"
# moto takes any credentials; that none of these is logged is for the tests to see.
os.environ.setdefault("AWS_ACCESS_KEY_ID", "freshet-tests")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "hunter2secret")


class S3Server:
    """One process; what it has goes with it. Box.servers takes it as it does others."""

    def __init__(self, directory):
        self.log_path = directory / "s3.log"
        self.port = free_ports(1)[0]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(packages.s3_server()), "run", str(self.port)], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)

        def ready():
            check(self.process.poll() is None, lambda: f"the S3 server ended by itself: {self.log_tail()}")
            done = subprocess.run(["curl", "--silent", "--fail", "--noproxy", "*", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user",
                                   "a:b", "-X", "PUT", f"{self.endpoint}/{BUCKET}"], capture_output=True, check=False)
            return done.returncode == 0

        wait_until(ready, READY_S, "the S3 server ready", every_s=0.3)
        return self

    def log_tail(self):
        return shorten(self.log_path.read_text(errors="replace")[-600:].replace("\n", " | "), 600)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def start(box):
    server = S3Server(box.directory)
    box.servers.append(server)
    return server.start()


class Gate:
    """Forwards a port to another; while it is closed, connections are refused and those that were there are gone."""

    def __init__(self, port):
        self.target = port
        self.port = free_ports(1)[0]
        self.listener = None
        self.open_sockets = set()
        self.lock = threading.Lock()
        self.open()

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def close(self):
        # A blocked accept() would keep the port: shutdown ends it.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for one in self.open_sockets:
                end(one)
            self.open_sockets.clear()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            with self.lock:
                self.open_sockets |= {client, server}
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=forward, args=(one, other), daemon=True).start()


def forward(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    end(source)
    end(target)


def end(one):
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    one.close()
