"""Text that means something to whoever reads what is rendered: every file is read by its own kind of parser, and the text is there as
it was written, and evaluated by nobody."""
import json
import re

from harness import check, check_equal, freshet

# Jinja, Go's templates, HCL's, YAML, shells, quotes, PromQL; and what ends each of them.
HOSTILE = ["{{ lookup('pipe','id') }}", "{% raw %}{{ x }}{% endraw %}", "{# c #}", "${file(\"/etc/passwd\")}", "%{ if true }", "a: b # c", "'\"\\", "$(id)`id`",
           "- x", "!unsafe y", "&a *a", "\"} or vector(1) #", "no", "1e3", "ünï ☃", "{{{{", "}}{{"]
OPENS_JINJA = re.compile(r"\{[{%#]")
FLEET = """fleet: f
dns_zone: kafka.example
regions: [{{name: r, zones: [a, b, c]}}]
clusters:
  - {{name: metal, owner: {0}, description: {0}, settings: {{client.quota.callback.class: {0}}}}}
  - {{name: pods, platform: strimzi, owner: {0}, description: {0}}}
topics:
  - {{name: t, cluster: metal, partitions: 3, owner: {0}, description: {0}, messages_per_second: 10}}
  - {{name: u, cluster: pods, partitions: 3, owner: {0}, description: {0}}}
mirrors: [{{name: m, from: metal, to: pods, topics: [t], owner: {0}}}]
services: [{{name: s, owner: {0}, instances: 2, consumes: [{{cluster: metal, topics: [t], group: {0}}}]}}]
alert_routes: [{{severity: warn, slack: {0}, owner: {0}}}, {{severity: critical, pagerduty: {0}}}]
"""


class Unsafe(str):
    """Text that Ansible leaves as it is."""


def loader():
    import yaml  # pylint: disable=import-error,import-outside-toplevel

    class Loader(yaml.SafeLoader):  # pylint: disable=too-many-ancestors
        pass

    Loader.add_constructor("!unsafe", lambda reader, node: Unsafe(reader.construct_scalar(node)))
    return lambda text: list(yaml.load_all(text, Loader))


def texts_of(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)
    elif isinstance(value, str):
        yield value


def parsed(folder):
    """By the name of each file of a kind that has a parser here."""
    load = loader()
    out = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.suffix in (".yml", ".yaml"):
            out[name] = load(path.read_text(encoding="utf-8"))
        elif path.suffix == ".json":
            out[name] = [json.loads(path.read_text(encoding="utf-8"))]
    return out


def unescaped_go(text):
    """What a template of Go makes of text in which every opening brace is written by an action; None: another action is in it."""
    left = text.replace('{{ "{{" }}', "\x00")
    return None if "{{" in left else left.replace("\x00", "{{")


def hcl_strings(text):
    """The strings of a file, as HCL reads them; an expression in one would be evaluated."""
    for quoted in re.findall(r'"((?:[^"\\]|\\.)*)"', text):
        check(not re.search(r"(?<!\$)\$\{|(?<!%)%\{", quoted), f"HCL evaluates {quoted}")
        yield re.sub(r'\\(["\\])', r"\1", quoted).replace("$${", "${").replace("%%{", "%{")


def test_hostile(box):
    for number, text in enumerate(HOSTILE):
        file = box.directory / f"{number}.yaml"
        file.write_text(FLEET.format(json.dumps(text, ensure_ascii=False)), encoding="utf-8")
        folder = box.directory / f"out-{number}"
        status, _, err = freshet("fleet", "render", file, "--to", folder)
        check_equal(status, 0, f"{text}: {err}")
        files = parsed(folder)
        for name, documents in files.items():
            for value in texts_of(documents) if name.startswith("ansible/metal/") else ():
                check(isinstance(value, Unsafe) or not OPENS_JINJA.search(value) or "inventory_dir" in value, f"{name}: Ansible evaluates {value}")
        brokers = files["ansible/metal/hosts.yml"][0]["kafka_broker"]["hosts"].values()
        check_equal({str(host["kafka_broker_custom_properties"]["client.quota.callback.class"]) for host in brokers}, {text}, "a setting of brokers")
        slack = [each["slack_configs"][0]["channel"] for each in files["alertmanager/alertmanager.yml"][0]["receivers"] if "slack_configs" in each]
        check_equal([unescaped_go(channel) for channel in slack], [text], "the channel")
        check(text in hcl_strings((folder / "terraform/r/metal/terragrunt.hcl").read_text(encoding="utf-8")), f"the owner {text} is not in HCL")
        check(any(text in texts_of(documents) for name, documents in files.items() if name.startswith("prometheus/")), f"the owner {text} is in no fact")
