"""Published JSON Schemas of YAML files, compared with what reads the files."""
import json
import sys

import packages
from harness import ROOT, check_equal


class Schema:
    """One of docs/, for an independent validator."""

    def __init__(self, path):
        sys.path.insert(0, str(packages.jsonschema()))
        import jsonschema  # pylint: disable=import-error,import-outside-toplevel
        import yaml  # pylint: disable=import-error,import-outside-toplevel
        self.load = yaml.safe_load
        schema = json.loads((ROOT / path).read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(schema)

    def check_accepts(self, path):
        found = [error.message for error in self.validator.iter_errors(self.load(path.read_text(encoding="utf-8")))]
        check_equal(found, [], f"what the schema finds in {path.name}")

    def check_agrees(self, file, texts, verdict, accepts):
        """Of each text both say verdict: the schema, and accepts(file), which returns (whether it is accepted, why not)."""
        for text in texts:
            file.write_text(text, encoding="utf-8")
            accepted, why = accepts(file)
            check_equal(accepted, verdict, f"{text}: {why}")
            check_equal(self.validator.is_valid(self.load(text)), verdict, f"the schema of {text}")
