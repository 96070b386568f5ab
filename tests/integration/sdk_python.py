"""sdk_python.py LIBRARY PREFIX URL KEY CALLS: calls of the real library (segment or rudderstack, which are alike), every kind,
half of them gzipped; user of call i is PREFIX-(i mod 50). When all of them are acknowledged, a last trait for each user."""
import importlib
import sys
import time


def call(client, prefix, i):
    who = {"user_id": f"{prefix}-{i % 50}"}
    if i % 5 == 0:
        who["anonymous_id"] = f"{prefix}-anon-{i % 50}"
    kind = i % 10
    if kind == 6:
        client.identify(**who, traits={"seen": i, "plan": "plus"})
    elif kind == 7:
        client.page(**who, name="Home", properties={"url": "https://example.com/"})
    elif kind == 8:
        client.screen(**who, name="Main")
    elif kind == 9:
        client.group(**who, group_id="g1", traits={"size": 3})
    else:
        client.track(**who, event=f"Event {i % 3}", properties={"i": i, "total": 1.5})


def close(*clients):
    for client in clients:
        client.flush()
        client.join()


def main():
    library, prefix, url, key, calls = *sys.argv[1:5], int(sys.argv[5])
    Client = importlib.import_module(f"{library}.analytics.client").Client
    errors = []
    options = {"host": url, "max_queue_size": calls + 1, "max_retries": 4, "timeout": 10, "on_error": lambda error, batch: errors.append(str(error))}
    plain = Client(key, gzip=False, **options)
    zipped = Client(key, gzip=True, **options)
    for i in range(calls):
        call(zipped if i % 100 >= 50 else plain, prefix, i)
    close(plain, zipped)
    time.sleep(0.01)  # so that the last ones are later by any clock's grain
    last = Client(key, **options)
    for number in range(50):
        last.identify(user_id=f"{prefix}-{number}", traits={"seen": calls + number})
    close(last)
    print("\n".join(errors[:5]), file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
