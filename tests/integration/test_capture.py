"""`freshet capture` of a MongoDB-protocol server into Kafka, killed again and again: the topics replayed by kcat are the documents."""
import json
import random
import threading

import kafka
import mongo
from harness import check, check_equal, freshet, note, shorten, wait_until
from patience import patient
from supervised import Supervised
from test_mirror import TOPIC_COMMAND, make_topic, read

CAUGHT_UP_S = patient(180)
DOCUMENTS = 400


class Capture(Supervised):
    def __init__(self, box, port, broker, name="c", read_by="auto", more=""):
        self.broker, self.name = broker, name
        super().__init__(
            box, "capture", name,
            f"name: {name}\nsource: {{uri: \"mongodb://127.0.0.1:{port}/\", database: {name}, collections: [\"*\"], read: {read_by}}}\n"
            f"target: {{brokers: \"{broker.brokers}\"}}\ntopic: \"{name}.*\"\npartitions: 3\n{more}")

    def status(self):
        status, out, err = freshet("capture", "status", "--config", self.file, "--json")
        check_equal(status, 0, f"exit status of capture status ({shorten(err)})")
        return json.loads(out)

    def replayed(self, collection):
        """The documents that the topic gives, read by kcat from its beginning; {} while there is none."""
        topic = f"{self.name}.{collection}"
        if topic not in self.broker.run(TOPIC_COMMAND, "--list").split():
            return {}
        out = {}
        for line in read(self.broker, topic, "%k\t%s\\n"):
            key, _, value = line.partition("\t")
            after = json.loads(value)["after"] if value else None
            out.pop(key, None)
            if after is not None:
                out[key] = after
        return out

    def wait_same(self, server, collections):
        """Until the topics give the source's documents, by the driver's own Extended JSON."""
        def different():
            self.keep_running()
            for collection in collections:
                got, wanted = self.replayed(collection), documents(server, self.name, collection)
                if got != wanted:
                    keys = [key for key in {*got, *wanted} if got.get(key) != wanted.get(key)]
                    return f"{collection}: {len(got)} of {len(wanted)} documents, {len(keys)} differ: {sorted(keys)[:3]}"
            return None
        last = []

        def same():
            last[:] = [different()]
            return last == [None]
        wait_until(same, CAUGHT_UP_S, lambda: f"the topics are the documents: {last} ({self.tail()})", every_s=1)


def documents(server, database, collection):
    mongo.driver()
    from bson import json_util  # pylint: disable=import-outside-toplevel,import-error
    form = json_util.CANONICAL_JSON_OPTIONS
    return {json_util.dumps(one["_id"], json_options=form, separators=(",", ":"), ensure_ascii=False): json.loads(json_util.dumps(one, json_options=form))
            for one in server.client()[database][collection].find()}


class Load:
    """Documents of many kinds that come, change and go in two collections, by a thread, until stop(). Waits while the server is away."""

    def __init__(self, server, database):
        self.database = server.client(timeout_ms=60_000)[database]
        self.dice = random.Random(11)
        self.writes = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.ended.set()
        self.thread.join()

    def run(self):
        while not self.ended.is_set():
            try:
                self.write_some()
            except mongo.driver().errors.PyMongoError:
                self.ended.wait(0.2)
            self.ended.wait(0.002)

    def identifier(self):
        from bson import Int64, ObjectId  # pylint: disable=import-outside-toplevel,import-error
        n = self.dice.randrange(DOCUMENTS)
        return (n, f"ü{n}", Int64(n) << 40, {"a": n}, ObjectId(n.to_bytes(12, "big")))[n % 5]

    def write_some(self):
        from pymongo import DeleteOne, ReplaceOne, UpdateOne  # pylint: disable=import-outside-toplevel,import-error
        batch = []
        for _ in range(10):
            one = {"_id": self.identifier()}
            self.writes += 1
            kinds = (UpdateOne(one, {"$inc": {"n": 1}, "$set": {"t": f"text {self.writes}"}}, upsert=True),
                     ReplaceOne(one, {"n": self.writes, "list": [1, {"x": None}]}, upsert=True), DeleteOne(one))
            batch.append(kinds[self.dice.choice((0, 0, 0, 1, 1, 2))])
        self.database[self.dice.choice(("orders", "orders", "customers"))].bulk_write(batch, ordered=True)


def fill(server, database):
    server.client()[database].orders.insert_many([{"_id": n, "n": n} for n in range(0, DOCUMENTS, 5)])


def killed(box, server, port, kills, read_by):
    """Kills at moments that nothing is waited for, and kills after something was written."""
    broker = kafka.start(box)
    fill(server, "c")
    capture = Capture(box, port, broker, read_by=read_by)
    with Load(server, "c") as load:
        capture.start()
        for kill in range(kills):
            if kill % 2 == 0:
                wait_until(lambda: capture.keep_running() or capture.metric("freshet_capture_records_total") > 50, CAUGHT_UP_S,
                           lambda: f"something captured ({capture.tail()})")
            else:
                threading.Event().wait(0.1 * kill)
            if kill == kills // 2:
                server.client().c.drop_collection("customers")
            capture.kill()
            capture.start()
    capture.wait_same(server, ("orders", "customers"))
    check(capture.status()["following"], "it follows changes")
    capture.stop()
    note(f"{load.writes} writes, {kills} kills")
    return capture


def test_oplog_killed_under_load(box):
    server = mongo.start(box, durable=False, oplog=True)
    capture = killed(box, server, server.port, 8, "auto")
    check("oplog" in capture.status()["position"]["at"], "it reads the oplog of a server without change streams")


def test_streams_killed_under_load(box):
    server = mongo.start(box, durable=False, oplog=True)
    streams = mongo.ChangeStreams(server)
    capture = killed(box, server, streams.port, 8, "auto")
    check("stream" in capture.status()["position"]["at"], "it reads change streams where there are some")
    check(streams.opened > 2, "a process that is started again opens a stream")


def test_broker_killed_and_network_cut(box):
    """Under load; connections to the database end in the middle of replies."""
    broker, server = kafka.start(box), mongo.start(box, durable=False, oplog=True)
    fill(server, "c")
    network = mongo.CutNetwork(server.port, random.Random(5), bytes_max=800_000)
    capture = Capture(box, network.port, broker).start()
    with Load(server, "c"):
        for _ in range(2):
            before = capture.metric("freshet_capture_records_total")
            wait_until(lambda seen=before: capture.keep_running() or capture.metric("freshet_capture_records_total") > seen + 100, CAUGHT_UP_S,
                       lambda: f"something captured ({capture.tail()})")
            broker.kill()
            broker.start()
        wait_until(lambda: capture.keep_running() or network.cuts >= 2, CAUGHT_UP_S, "connections cut")
    capture.wait_same(server, ("orders", "customers"))
    capture.stop()
    note(f"{network.cuts} connections cut")


def test_a_position_too_old(box):
    """Nothing is skipped silently; a new snapshot tells what has gone meanwhile, too."""
    broker, server = kafka.start(box), mongo.start(box, durable=False, oplog=True)
    streams = mongo.ChangeStreams(server)
    fill(server, "c")
    capture = Capture(box, streams.port, broker).start()
    capture.wait_same(server, ("orders",))
    capture.stop()
    server.client().c.orders.delete_many({"_id": {"$lt": 100}})
    server.client().c.orders.update_many({}, {"$set": {"n": -1}})
    streams.forget()
    capture.start()
    check_equal(capture.process.wait(CAUGHT_UP_S), 1, "exit status where the position is too old")
    check("--snapshot, once" in capture.tail(), lambda: capture.tail())
    capture.start("--snapshot")
    capture.wait_same(server, ("orders",))
    capture.stop()


def test_bad_input(box):
    broker, server = kafka.start(box), mongo.start(box, durable=False, oplog=True)
    make_topic(broker, "c.orders", 2, max_message_bytes=2000)
    server.client().c.orders.insert_many([{"_id": "large", "t": "x" * 3000}, {"_id": "small"}])
    capture = Capture(box, server.port, broker).start()
    wait_until(lambda: capture.keep_running() or "\"small\"" in capture.replayed("orders"), CAUGHT_UP_S, lambda: f"captured ({capture.tail()})", every_s=1)
    letters = read(broker, "freshet.capture.c.deadletters", "%k %h\\n")
    check(len(letters) == 1 and letters[0].startswith("\"large\" freshet.capture.reason=it is larger than"), f"dead letters: {letters}")
    check("set_aside" in "".join(read(broker, "c.orders")), "the topic says that a document was set aside")
    server.client().c.orders.update_one({"_id": "large"}, {"$set": {"t": "y"}})
    capture.wait_same(server, ("orders",))
    capture.stop()
    plain = mongo.start(box, durable=False)
    alone = Capture(box, plain.port, broker, name="alone").start()
    check_equal(alone.process.wait(CAUGHT_UP_S), 1, "exit status without an oplog and change streams")
    check("neither change streams nor the oplog" in alone.tail(), lambda: alone.tail())
    alone.file.write_text("name: x\n", encoding="utf-8")
    status, _, err = freshet("capture", "--config", alone.file)
    check(status == 2 and "source" in err, f"a wrong configuration: {status}, {err}")
