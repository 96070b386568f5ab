"""check_crd.py SCHEMAS FILE…: each document against the resource definition of its kind and version in the folder SCHEMAS, and
Kubernetes' own kinds against Kubernetes' schemas. Fields that a definition does not have are errors. Runs in the tests' own
Python environment (jsonschema, PyYAML, kubernetes-validate)."""
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml


def close(schema):
    """Kubernetes would drop unknown fields without a word; here they are errors."""
    if isinstance(schema, dict):
        is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
        if schema.get("type") == "object" and "properties" in schema and not is_open:
            schema["additionalProperties"] = False
        for value in schema.values():
            close(value)
    elif isinstance(schema, list):
        for value in schema:
            close(value)


def read_schemas(folder):
    schemas = {}
    for path in Path(folder).glob("*.yaml"):
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        for version in definition["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            close(schema)
            schema["properties"].update({"apiVersion": {}, "kind": {}, "metadata": {}})
            schemas[f"{definition['group']}/{version['name']}", definition["names"]["kind"]] = schema
    return schemas


def problems_of(document, schemas):
    key = document["apiVersion"], document["kind"]
    if key in schemas:
        return [f"{list(error.path)}: {error.message}" for error in jsonschema.Draft4Validator(schemas[key]).iter_errors(document)]
    try:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        return [str(error)]
    return []


def main():
    schemas = read_schemas(sys.argv[1])
    documents = [(path, document) for path in sys.argv[2:] for document in yaml.safe_load_all(Path(path).read_text(encoding="utf-8"))]
    problems = [f"{path}: {document['kind']}: {problem}" for path, document in documents for problem in problems_of(document, schemas)]
    print("\n".join(problems) or f"{len(documents)} documents are right")
    return 1 if problems or not documents else 0


if __name__ == "__main__":
    sys.exit(main())
