#!/usr/bin/env python3
"""Live visitors of the demo's shop, a few events a second until SIGTERM: python3 demo/traffic.py URL WRITE_KEY CUSTOMER

Visitors come anonymously, look around, and some sign in: the first of them as CUSTOMER, who is in the imported click
log too, so that the visitor's and the customer's profile become one. Sends through Segment's own Python library if
this interpreter has it, else plain HTTP in the same shape. Prints one line a second: events sent so far.
"""

import base64
import datetime
import itertools
import json
import random
import signal
import sys
import threading
import time
import urllib.request
import uuid

PRODUCTS = [("Teapot", 29.5), ("Cup", 8.25), ("Kettle", 44.0), ("Tea, green", 6.8), ("Tea, black", 5.9)]
CITIES = ["Pune", "Berlin", "Lisbon", "Osaka"]
EVENTS_PER_SECOND = 5


class Library:
    """Segment's library: queues, batches and sends by itself."""

    def __init__(self, url, key):
        import segment.analytics.client

        self.client = segment.analytics.client.Client(key, host=url, max_retries=3, timeout=5)
        self.name = "segment-analytics-python"

    def send(self, kind, **message):
        getattr(self.client, kind)(**message)

    def close(self):
        self.client.shutdown()


class PlainHttp:
    """The same messages, one batch a second."""

    def __init__(self, url, key):
        self.url, self.waiting, self.sent_at = url + "/v1/batch", [], time.monotonic()
        self.headers = {
            "Content-Type": "application/json",
            "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        }
        self.name = "plain HTTP"

    def send(self, kind, user_id=None, anonymous_id=None, **message):
        message |= {"type": kind, "messageId": str(uuid.uuid4()), "timestamp": now()}
        message |= {name: value for name, value in (("userId", user_id), ("anonymousId", anonymous_id)) if value}
        self.waiting.append(message)
        if time.monotonic() - self.sent_at > 1:
            self.close()

    def close(self):
        if self.waiting:
            body = json.dumps({"batch": self.waiting, "sentAt": now()}).encode()
            urllib.request.urlopen(urllib.request.Request(self.url, body, self.headers), timeout=5).close()
        self.waiting, self.sent_at = [], time.monotonic()


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def visit(customer, number, dice):
    """The messages of one visitor: (kind, fields)."""
    anonymous = str(uuid.uuid4())
    who = {"anonymous_id": anonymous}
    yield "track", who | {"event": "Page Viewed", "properties": {"path": "/", "visit": number}}
    for name, price in dice.sample(PRODUCTS, dice.randint(1, 3)):
        yield "track", who | {"event": "Product Viewed", "properties": {"name": name, "price": price}}
    if customer:
        traits = {"city": dice.choice(CITIES), "email": f"customer-{customer}@example.com"}
        who |= {"user_id": customer}
        yield "identify", who | {"traits": traits}
        total = round(sum(price for _, price in dice.sample(PRODUCTS, 2)), 2)
        yield "track", who | {"event": "Order Completed", "properties": {"total": total, "currency": "EUR"}}


def visits(customer):
    dice = random.Random(1)
    yield from visit(customer, 1, dice)
    for number in itertools.count(2):
        signs_in = dice.random() < 0.5
        yield from visit(f"shopper-{number}" if signs_in else None, number, dice)


def main():
    url, key, customer = sys.argv[1:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the demo decides
    try:
        sender = Library(url, key)
    except ImportError:
        sender = PlainHttp(url, key)
    print(f"through {sender.name}", flush=True)
    for sent, (kind, fields) in enumerate(visits(customer), 1):
        try:
            sender.send(kind, **fields)
        except OSError as error:
            print(f"not sent: {error}", flush=True)
        if sent % EVENTS_PER_SECOND == 0:
            print(sent, flush=True)
        if stop.wait(1 / EVENTS_PER_SECOND):
            break
    sender.close()


if __name__ == "__main__":
    main()
