"""libFuzzer targets, two at a time, each for some seconds from tests/corpus/NAME on: those of whole listeners for a minute,
as strangers reach them; of the others, what a change broke shows in seconds from the corpus."""
import concurrent.futures
import re
import subprocess

from testing.stage import LOG_TAIL_LINES, ROOT, say

GRACE_SECONDS = 120  # a target that goes on for so long after its time hangs
AT_ONCE = 2
LISTENERS = ("admin_fuzz", "connection_fuzz", "service_fuzz")
SECONDS, LISTENER_SECONDS = 5, 60


def targets():
    return sorted(path.stem for path in (ROOT / "src").rglob("*_fuzz.cc"))


def seconds_of(name, asked=0):
    return asked or (LISTENER_SECONDS if name in LISTENERS else SECONDS)


def in_order(names):
    """The longest first, so that none of them runs alone at the end."""
    return sorted(names, key=lambda name: -seconds_of(name))


def command_of(binary, folder, seconds):
    name = binary.name
    seeds = ROOT / "tests/corpus" / name.removesuffix("_fuzz")
    seeds = seeds if seeds.is_dir() else ROOT / "tests/corpus" / name
    dictionary = ROOT / "tests/corpus" / f"{name}.dict"
    return [
        binary,
        *([f"-dict={dictionary}"] if dictionary.exists() else []),
        f"-max_total_time={seconds}",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={folder}/",
        folder / "corpus",
        *([seeds] if seeds.is_dir() else []),
    ]


def fuzz_one(binary, seconds):
    """(error or None, what it reached)."""
    folder = binary.parent / "fuzzing" / binary.name
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with open(log, "w", encoding="utf-8") as out:
        try:
            status = subprocess.run(
                command_of(binary, folder, seconds), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                timeout=seconds + GRACE_SECONDS, check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            return f"still ran {GRACE_SECONDS} s after its time (log: {log})", ""
    text = log.read_text(encoding="utf-8", errors="replace")
    if status != 0:
        tail = "\n".join("    " + line for line in text.splitlines()[-LOG_TAIL_LINES:])
        return f"found something; the input is beside its log {log}\n{tail}", ""
    runs = re.search(r"number_of_executed_units:\s*(\d+)", text)
    covered = re.findall(r"cov: (\d+)", text)
    return None, f"{int(runs.group(1)) if runs else 0:,} inputs, {covered[-1] if covered else '?'} edges"


def run(stage, names, asked):
    """They are built already. `asked`: seconds for each; 0: as many as each usually gets."""
    names = in_order(names)

    def in_time(name):
        return (None, None) if stage.is_over() else fuzz_one(ROOT / "build/asan" / name, seconds_of(name, asked))

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for name, (error, reached) in zip(names, pool.map(in_time, names)):
            if reached is None:
                stage.leave_out(f"{name} was not run")
            elif error:
                say(f"  {name}: FAILED: {error}")
                stage.fail(f"fuzz: {name}")
            else:
                say(f"  {name}: {reached}")
                stage.passed += 1
