"""A receiver of webhooks that can be told to misbehave."""
import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))


class Receiver:
    """`mode`: ok, 500, huge (10 MB), hang (no answer), refuse (422 of what `refuses` says). What was answered with 200
    is in `taken`: (webhook-id, record)."""

    def __init__(self, port):
        self.port = port
        self.mode = "ok"
        self.refuses = lambda record: False
        self.taken = []
        self.forged = 0
        self.asked = 0
        self.lock = threading.Lock()
        self.let_go = threading.Event()
        self.server = None

    def start(self):
        receiver = self
        self.let_go.clear()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                receiver.handle(self)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request):
        body = request.rfile.read(int(request.headers["content-length"]))
        identity, seconds = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        signed = hmac.new(KEY, f"{identity}.{seconds}.".encode() + body, hashlib.sha256).digest()
        record = json.loads(body)
        status, text = 200, b"{}"
        with self.lock:
            mode = self.mode
            self.asked += 1
            self.forged += request.headers["webhook-signature"] != "v1," + base64.b64encode(signed).decode()
            if mode == "refuse" and self.refuses(record):
                status = 422
            elif mode == "500":
                status = 500
            elif mode != "hang":
                self.taken.append((identity, record))
        if mode == "hang":
            self.let_go.wait()
            request.close_connection = True
            return
        if mode == "huge":
            text = b"x" * 10_000_000
        try:
            request.send_response(status)
            request.send_header("content-length", str(len(text)))
            request.end_headers()
            request.wfile.write(text)
        except OSError:
            request.close_connection = True
