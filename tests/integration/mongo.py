"""A server of MongoDB's protocol for tests, a network in front of it that is cut now and then, and what documents in it say."""
import datetime
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import packages
import shared
from harness import check, free_ports, shorten, wait_until
from patience import patient

READY_S = patient(60)
OP_MSG = 2013


def driver():
    """The module pymongo."""
    path = str(packages.pymongo())
    if path not in sys.path:
        sys.path.insert(0, path)
    import pymongo  # pylint: disable=import-outside-toplevel,import-error
    return pymongo


def command(port, file=None):
    return [str(packages.mongo_server()), "run", str(port)] + ([str(file)] if file else [])


def answers(port):
    client = driver().MongoClient(f"mongodb://127.0.0.1:{port}/", serverSelectionTimeoutMS=500)
    try:
        return client.admin.command("ping")
    except driver().errors.PyMongoError:
        return False
    finally:
        client.close()


def start(box, durable, oplog=False):
    """For the test of this box alone; it ends with it."""
    server = MongoServer(box.directory / f"mongo-{len(box.servers)}", durable, oplog=oplog)
    box.servers.append(server)
    return server.start()


def share(box):
    """The server of all tests; nobody kills it. A test has its own tenant there, and so its own database."""
    return MongoServer(box.directory / "mongo", durable=False, port=shared.port_of("mongo", command, answers))


class MongoServer:
    """One process; with durable=True what it acknowledged survives kill(). Box.servers takes it as it does others."""

    def __init__(self, directory, durable, port=None, oplog=False):
        self.environment = {**os.environ, "FRESHET_MONGO_OPLOG": "1"} if oplog else None
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.file = self.directory / "documents" if durable else None
        self.port = port or free_ports(1)[0]
        self.uri = f"mongodb://127.0.0.1:{self.port}/"
        self.log_path = self.directory / "mongo.log"
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command(self.port, self.file), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment)

        def ready():
            check(self.process.poll() is None, lambda: f"the MongoDB-protocol server ended by itself: {self.log_tail()}")
            return answers(self.port)

        wait_until(ready, READY_S, "the MongoDB-protocol server ready")
        return self

    def client(self, timeout_ms=10_000):
        return driver().MongoClient(self.uri, serverSelectionTimeoutMS=timeout_ms)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def log_tail(self):
        return shorten(self.log_path.read_text(errors="replace")[-600:].replace("\n", " | "), 600)


class CutNetwork:
    """Forwards a port to another. After each random number of bytes, at most `bytes_max`, it cuts the connection that carries the
    next, with what is under way. One number for all connections: who keeps sending is cut, however many are opened and closed."""

    def __init__(self, port, rng, bytes_max=300_000):
        self.target = port
        self.rng = random.Random(rng.random())
        self.bytes_max = bytes_max
        self.cuts = 0
        self.lock = threading.Lock()
        self.left = self.draw()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def draw(self):
        return self.rng.randint(2_000, self.bytes_max)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self.forward, args=(one, other), daemon=True).start()

    def cut_here(self, size):
        with self.lock:
            self.left -= size
            if self.left >= 0:
                return False
            self.left = self.draw()
            self.cuts += 1
            return True

    def forward(self, source, target):
        try:
            while (data := source.recv(65536)) and not self.cut_here(len(data)):
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def close(self):
        self.listener.close()


class Between:
    """Forwards a port to a server, but for the commands that answer() has an answer of its own to."""

    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            with client, socket.create_connection(("127.0.0.1", self.server.port)) as server:
                while (message := read_message(client)) is not None:
                    reply = self.own_reply(message)
                    if reply is None:
                        server.sendall(message)
                        reply = read_message(server)
                    if reply is None:
                        return
                    client.sendall(reply)
        except OSError:
            return

    def own_reply(self, message):
        driver()
        import bson  # pylint: disable=import-outside-toplevel,import-error
        request, _, kind = struct.unpack_from("<iii", message, 4)
        if kind != OP_MSG:
            return None
        answer = self.answer(*sections_of(message))
        if answer is None:
            return None
        reply = bson.encode(answer)
        return struct.pack("<iiiiiB", 21 + len(reply), 0, request, OP_MSG, 0, 0) + reply

    def answer(self, body, documents):
        """None: the server's to answer."""
        raise NotImplementedError

    def close(self):
        self.listener.close()


class TakenId(Between):
    """The first upsert of each document in `collection` is answered as if another one had inserted
    an older version between the server's look and its insert: it is there then, and the answer is a duplicate key."""

    def __init__(self, server, database, collection):
        self.database = database
        self.collection = collection
        self.taken = set()
        super().__init__(server)

    def answer(self, body, documents):
        """A reply of our own to a command of updates none of which was seen before."""
        if body.get("update") != self.collection:
            return None
        ids = [update["q"]["_id"] for update in documents]
        fresh = [identifier for identifier in ids if identifier not in self.taken]
        self.taken.update(ids)
        if len(fresh) < len(ids) or not ids:
            return None
        self.server.client()[self.database][self.collection].insert_many([{"_id": one, "version": 0} for one in ids])
        return {"n": 0, "nModified": 0, "ok": 1.0, "writeErrors": [
            {"index": i, "code": 11000, "errmsg": "E11000 duplicate key error collection: c index: _id_ dup key"} for i in range(len(ids))]}


class Refusing(Between):
    """Writes to one database are refused as a whole, with the error code that is set."""

    def __init__(self, server, database):
        self.database = database
        self.code = 0
        self.refused = 0
        super().__init__(server)

    def answer(self, body, documents):
        if self.code == 0 or "update" not in body or body["$db"] != self.database:
            return None
        self.refused += 1
        return {"ok": 0.0, "code": self.code, "errmsg": f"no writes to {self.database}"}


class ChangeStreams(Between):
    """Gives a server with an oplog change streams of whole databases, as MongoDB answers them (change-streams.md of its specifications)."""

    MOST = 100

    def __init__(self, server):
        self.cursors = {}  # [database, the last entry's time]
        self.opened = 0
        self.begins = None  # positions before it are told to be lost
        self.connection = server.client()
        super().__init__(server)

    def forget(self):
        """All that there is now can't be told any more."""
        self.begins = self.newest()

    def newest(self):
        last = list(self.connection.local["oplog.rs"].find().sort("$natural", -1).limit(1))
        from bson import Timestamp  # pylint: disable=import-outside-toplevel,import-error
        return last[0]["ts"] if last else Timestamp(0, 0)

    def answer(self, body, documents):
        if "aggregate" in body and body["pipeline"] and "$changeStream" in body["pipeline"][0]:
            return self.open(body["$db"], body["pipeline"][0]["$changeStream"])
        if body.get("collection") == "$cmd.aggregate" and "getMore" in body:
            return self.more(body["getMore"], body.get("maxTimeMS", 1000) / 1000)
        if body.get("killCursors") == "$cmd.aggregate":
            for cursor in body["cursors"]:
                self.cursors.pop(cursor, None)
            return {"ok": 1.0}
        return None

    def open(self, database, how):
        from bson import Timestamp  # pylint: disable=import-outside-toplevel,import-error
        token = how.get("resumeAfter", how.get("startAfter"))
        at = Timestamp(*map(int, token["_data"].split("."))) if token else self.newest()
        if self.begins is not None and at < self.begins:
            return {"ok": 0.0, "code": 286, "codeName": "ChangeStreamHistoryLost", "errmsg": "Resume of change stream was not possible"}
        self.opened += 1
        self.cursors[self.opened] = [database, at]
        return self.batch(self.opened, "firstBatch", [])

    def batch(self, cursor, name, events):
        database, at = self.cursors[cursor]
        return {"ok": 1.0, "operationTime": at, "cursor": {"id": cursor, "ns": f"{database}.$cmd.aggregate", name: events,
                                                          "postBatchResumeToken": {"_data": f"{at.time}.{at.inc}"}}}

    def more(self, cursor, wait_s):
        if cursor not in self.cursors:
            return {"ok": 0.0, "code": 43, "codeName": "CursorNotFound", "errmsg": f"cursor id {cursor} not found"}
        database, at = self.cursors[cursor]
        end = time.monotonic() + wait_s
        while True:
            entries = list(self.connection.local["oplog.rs"].find({"ts": {"$gt": at}}).limit(self.MOST))
            if entries or time.monotonic() > end:
                break
            time.sleep(0.01)
        if entries:
            self.cursors[cursor][1] = entries[-1]["ts"]
        return self.batch(cursor, "nextBatch", [event for event in (event_of(entry, database) for entry in entries) if event])


def event_of(entry, database):
    """An entry of the oplog as a change stream's event; None: of another database."""
    name, _, collection = entry["ns"].partition(".")
    if name != database:
        return None
    event = {"_id": {"_data": f"{entry['ts'].time}.{entry['ts'].inc}"}, "clusterTime": entry["ts"], "ns": {"db": name, "coll": collection}}
    if entry["op"] == "c":
        return {**event, "operationType": "drop", "ns": {"db": name, "coll": entry["o"]["drop"]}} if "drop" in entry["o"] else None
    kind = {"i": "insert", "u": "update", "d": "delete"}[entry["op"]]
    more = {"fullDocument": entry["o"]} if kind == "insert" else {"updateDescription": {}} if kind == "update" else {}
    return {**event, "operationType": kind, "documentKey": {"_id": entry["o2" if kind == "update" else "o"]["_id"]}, **more}


def read_message(source):
    """One message of MongoDB's wire protocol; None: the connection has ended."""
    data = b""
    size = 16
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            return None
        data += part
        if len(data) == 16:
            size = struct.unpack_from("<i", data)[0]
    return data


def sections_of(message):
    """The command of an OP_MSG, and the documents that follow it."""
    import bson  # pylint: disable=import-outside-toplevel,import-error
    at, body, documents = 20, {}, []
    while at < len(message):
        size = struct.unpack_from("<i", message, at + 1)[0]
        section = message[at + 1:at + 1 + size]
        if message[at] == 0:
            body = bson.decode(section)
        else:
            documents += bson.decode_all(section[section.index(b"\0", 4) + 1:])
        at += 1 + size
    return body, documents


def plain(value):
    """A value of a document as the admin listener's JSON has it."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    if type(value).__name__ == "Decimal128":
        return value.to_decimal()
    return Decimal(repr(value)) if isinstance(value, float) else value


BATCH = 1000  # the server sends as many as there are otherwise, and its client takes 48 MB at most


def live_documents(collection):
    return [plain(document) for document in collection.find({"removed_at": {"$exists": False}}, batch_size=BATCH)]
