"""freshet fleet plan: the commands and figures of its documents, exit statuses, and its page in a real browser."""
import json
import re
import shutil
import subprocess

from harness import FRESHET, ROOT, check, check_equal, note
from patience import patient

EXAMPLES = ROOT / "examples" / "fleet"


def plan(*arguments):
    return subprocess.run([FRESHET, "fleet", "plan", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=patient(60), check=False)


def documented(name):
    """(command, output) of each block that shows both; the output ends with the block."""
    text = (ROOT / "docs" / "fleet" / name).read_text()
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        command, _, output = block.partition("\n")
        yield command.removeprefix("$ "), output


def test_monolith_document(box):
    shown = list(documented("monolith-to-fleet.md"))
    check(len(shown) >= 3, "the document shows no commands")
    for command, output in shown:
        words = command.split()
        check_equal(words[:3], ["build/release/freshet", "fleet", "plan"], "a documented command")
        check_equal(plan(*words[3:]).stdout.strip(), output.strip(), command)


def test_plan_document(box):
    text = (ROOT / "docs" / "fleet" / "plan.md").read_text()
    commands = re.findall(r"^build/release/freshet fleet plan ([^#\n]*)", text, re.MULTILINE)
    check(len(commands) >= 5, "the document shows no commands")
    for command in commands:
        words = [str(box.directory / word) if word.endswith(".html") else word for word in command.split()]
        done = plan(*words)
        check(done.returncode in (0, 1) and done.stdout, f"{command}: status {done.returncode}: {done.stderr}")


def keys_of(value):
    """Every key of a report, less those of maps by resource."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(keys_of(item) for key, item in value.items() if key != "use"))


def test_json_keys_are_documented(_):
    done = plan(str(EXAMPLES / "shop.yaml"), "--lose", "zone=a", "--burst", "gateway=30", "--json")
    keys = keys_of(json.loads(done.stdout))
    check({"blast_radius", "recovered_minutes", "log_dir_bytes"} <= keys, f"the report is not whole: {sorted(keys)}")
    text = (ROOT / "docs" / "fleet" / "plan.md").read_text()
    check_equal([key for key in sorted(keys) if f"`{key}`" not in text and f"{key}[]" not in text], [], "keys that plan.md does not have")


def test_exit_statuses(box):
    for name in ("small", "shop", "twenty", "monolith"):
        done = plan(str(EXAMPLES / f"{name}.yaml"), "--json")
        check_equal(done.returncode, 0, f"status for {name}, which holds its load")
        report = json.loads(done.stdout)
        check_equal(report["ok"], True, f"ok of {name}")
        check_equal([cluster["name"] for cluster in report["clusters"] if not cluster["holds"]], [], f"clusters of {name} that do not hold")
    small = str(EXAMPLES / "small.yaml")
    full = plan(small, "--rate", "*=500x", "--json")
    check_equal(full.returncode, 1, "status for a fleet that does not")
    check_equal(json.loads(full.stdout)["ok"], False, "ok of a fleet that does not hold its load")
    for arguments in (["--rate", "ordrs=2x"], ["--lose", "zone=x"], ["--burst", "nobody=5"], ["--months", "999"], ["--prices", "no-such-file"]):
        done = plan(small, *arguments)
        check_equal(done.returncode, 2, f"status for {arguments}")
        check(done.stderr, f"{arguments}: nothing is said")
    check("did you mean" in plan(small, "--rate", "ordrs=2x").stderr, "the nearest name is not said")


def test_other_prices(box):
    text = (ROOT / "src" / "fleet" / "plan" / "prices.yaml").read_text()
    dear = box.directory / "prices.yaml"
    dear.write_text(text.replace("usd_per_hour: 0.068", "usd_per_hour: 0.136"))
    usual, doubled = (json.loads(plan(str(EXAMPLES / "small.yaml"), "--json", *more).stdout) for more in ([], ["--prices", str(dear)]))
    check(abs(doubled["cost"]["brokers"] - 2 * usual["cost"]["brokers"]) < 1e-6, "machines at twice the price do not cost twice as much")
    dear.write_text(text.replace("usd_per_hour: 0.068", "usd_per_hour: cheap"))
    wrong = plan(str(EXAMPLES / "small.yaml"), "--prices", str(dear))
    check_equal(wrong.returncode, 2, "status for wrong prices")
    check(re.search(r"prices\.yaml:\d+:\d+: ", wrong.stderr), f"no place in: {wrong.stderr}")


def test_page(box):
    page = box.directory / "plan.html"
    done = plan(str(EXAMPLES / "shop.yaml"), "--html", str(page), "--burst", "gateway=30")
    check(done.returncode in (0, 1), done.stderr)
    check("http" not in page.read_text(), "the page needs something from elsewhere")
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        note("no chromium here: the page was not looked at")
        return
    picture = box.directory / "plan.png"
    common = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={box.directory / 'chromium'}"]
    subprocess.run([*common, f"--screenshot={picture}", "--window-size=1280,2400", page.as_uri()], check=True, capture_output=True, timeout=patient(120))
    check(picture.exists() and picture.stat().st_size > 20000, "the screenshot is empty")
    shown = subprocess.run([*common, "--dump-dom", page.as_uri()], check=True, capture_output=True, text=True, timeout=patient(120)).stdout
    check_equal(shown.count("<section>"), 6, "sections that the browser found")
    check(shown.count("<svg") == page.read_text().count("<svg"), "the browser read other pictures than were written")
