#!/usr/bin/env python3
"""Writes ocsf.json, the part of the official OCSF schema that the tests validate with. README.md says how to run it."""

import json
from importlib import resources
from pathlib import Path

from ocsf_json_schema import OcsfJsonSchema

VERSION = "1.8.0"
CLASSES = [
    "base_event", "detection_finding", "process_activity", "network_activity", "dns_activity", "file_activity",
    "application_lifecycle",
]
# The profiles and objects that minerwatch uses. What refers to others is left out, so that the tests refuse it.
PROFILES = ["cloud", "container", "host"]
OBJECTS = [
    "account", "actor", "agent", "analytic", "attack", "autonomous_system", "cloud", "container", "device",
    "dns_answer", "dns_query", "evidences", "file", "finding_info", "fingerprint", "ja4_fingerprint",
    "key_value_object", "location", "malware", "metadata", "network_connection_info", "network_endpoint",
    "network_traffic", "object", "observable", "os", "process", "product", "remediation", "resource_details",
    "sub_technique", "tactic", "technique", "tls", "user",
]


def definition(source: OcsfJsonSchema, kind: str, name: str) -> dict:
    """Returns the JSON schema of a class or an object, with the profiles and the captions of its attributes."""
    item = source.schema[kind][name]
    get = source.get_class_schema if kind == "classes" else source.get_object_schema
    schema = get(name, PROFILES)
    kept = {}
    for attribute, value in sorted(schema["properties"].items()):
        described = item["attributes"][attribute]
        if value.get("deprecated") or described.get("object_type", "object") not in OBJECTS:
            continue
        value.pop("title", None)
        holder = value.get("items", value)
        if "$ref" in holder:
            holder["$ref"] = "#/$defs/" + described["object_type"]
        if described.get("profiles"):
            value["x-profiles"] = described["profiles"]
        if described.get("enum") and described.get("sibling"):
            value["x-sibling"] = described["sibling"]
            value["x-captions"] = {number: entry["caption"] for number, entry in described["enum"].items()}
        kept[attribute] = value
    schema["properties"] = kept
    schema["required"] = [name for name in schema.get("required", []) if name in kept]
    for alternatives in ["anyOf", "oneOf"]:
        if alternatives in schema:
            schema[alternatives] = [one for one in schema[alternatives] if one["required"][0] in kept]
    return {key: value for key, value in schema.items() if key not in ("$schema", "$id")}


def main() -> None:
    text = resources.files("ocsf_json_schema").joinpath(f"ocsf/{VERSION}.json").read_text()
    source = OcsfJsonSchema(json.loads(text))
    classes = {}
    for name in CLASSES:
        found = source.schema["classes"][name]
        classes[str(found["uid"])] = definition(source, "classes", name)
    result = {
        "version": source.version,
        "classes": classes,
        "$defs": {name: definition(source, "objects", name) for name in OBJECTS},
    }
    place = Path(__file__).with_name("ocsf.json")
    # One line for each class and each object.
    parts = []
    for key, value in result.items():
        if isinstance(value, dict):
            lines = [f'{json.dumps(name)}:{json.dumps(one, separators=(",", ":"))}' for name, one in value.items()]
            parts.append(f"{json.dumps(key)}:{{\n" + ",\n".join(lines) + "\n}")
        else:
            parts.append(f"{json.dumps(key)}:{json.dumps(value)}")
    place.write_text("{" + ",\n".join(parts) + "}\n")


main()
