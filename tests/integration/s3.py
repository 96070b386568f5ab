"""A server of S3's protocol, one for all tests, and a gate in front of it that can be closed."""
import os
import re
import socket
import subprocess
import threading

import packages
import shared
from harness import TENANT, check, free_ports

# moto takes any credentials; that none of these is logged is for the tests to see.
os.environ.setdefault("AWS_ACCESS_KEY_ID", "freshet-tests")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "hunter2secret")


class Bucket:
    """Of one test, on the server that all of them use; what is in it goes with the server."""

    def __init__(self, port, name):
        self.port = port
        self.name = name


def make_bucket(port, name):
    """Whether it is there now."""
    done = subprocess.run(["curl", "--silent", "--fail", "--noproxy", "*", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "a:b", "-X", "PUT",
                           f"http://127.0.0.1:{port}/{name}"], capture_output=True, check=False)
    return done.returncode == 0


def share():
    name = TENANT.replace("_", "-")
    port = shared.port_of("s3", lambda port: [str(packages.s3_server()), "run", str(port)], lambda port: make_bucket(port, "ready"))
    check(make_bucket(port, name), f"the S3 server does not make the bucket {name} (its log: {shared.HOME}/s3/log)")
    return Bucket(port, name)


def get(bucket, path):
    done = subprocess.run(["curl", "--silent", "--fail", "--noproxy", "*", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "a:b",
                           f"http://127.0.0.1:{bucket.port}/{bucket.name}{path}"], capture_output=True, check=False)
    check(done.returncode == 0, f"S3: {path} ({done.stderr.decode()})")
    return done.stdout


def reader(bucket, prefix):
    """(keys below the prefix, without it; a function from one of them to its bytes)."""
    keys, token = [], ""
    while True:
        page = get(bucket, f"?{token}list-type=2&prefix={prefix}").decode()
        keys += re.findall(r"<Key>([^<]*)</Key>", page)
        following = re.search(r"<NextContinuationToken>([^<]*)<", page)
        if not following:
            return [key.removeprefix(prefix) for key in keys], lambda key: get(bucket, f"/{prefix}{key}")
        token = f"continuation-token={following[1]}&"


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
