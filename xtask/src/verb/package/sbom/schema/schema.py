"""Makes cyclonedx-1.6.json from the wheel of cyclonedx-python-lib, whose path is the argument."""

import json
import pathlib
import sys
import zipfile

RESOURCES = "cyclonedx/schema/_res/"
FILES = ["bom-1.6.SNAPSHOT.schema.json", "spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"]
# Explanations for people. A property that has such a name has an object as its value.
TEXTS = {"title": str, "description": str, "$comment": str, "examples": list, "meta:enum": dict}


def without_texts(value):
    if isinstance(value, list):
        return [without_texts(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: item for key, item in value.items() if not (key in TEXTS and isinstance(item, TEXTS[key]))}
    return {key: without_texts(item) for key, item in kept.items()}


with zipfile.ZipFile(sys.argv[1]) as wheel:
    schemas = [without_texts(json.loads(wheel.read(RESOURCES + name))) for name in FILES]
lines = [json.dumps(schema, separators=(",", ":")) for schema in schemas]
# The package renames the files, and the references between them.
text = "[\n" + ",\n".join(lines).replace(".SNAPSHOT.schema.json", ".schema.json") + "\n]\n"
pathlib.Path(__file__).with_name("cyclonedx-1.6.json").write_text(text)
