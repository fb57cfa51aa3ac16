"""Renders a Helm chart with Helm itself, and checks the result against the schemas of Kubernetes.

Arguments: the directory of the Python packages, and the chart. Standard input is a JSON object: `cases` has the values of
each rendering, as the text of a values file, and `manifests` has further texts to check. Prints a JSON object with the
outcome of each.
"""

import functools
import glob
import json
import sys
import zipfile

packages, chart_directory = sys.argv[1:]
sys.path.insert(0, packages)

import helm_python as helm
import jsonschema_rs

# The oldest version that the chart allows, and the newest one that there are schemas for.
VERSIONS = ["1.30", "1.37"]
SCHEMAS = "kubernetes_validate/kubernetes-json-schema/v{}.0-local-strict/"
# From here, helm reports a finding as a warning. Below are recommendations.
WARNING = 2

archive = zipfile.ZipFile(glob.glob(packages + "/kubernetes_validate-*.whl")[0])
chart = helm.Chart.load(chart_directory)


def schema(version, name):
    return json.loads(archive.read(SCHEMAS.format(version) + name))


@functools.cache
def definitions(version):
    content = schema(version, "_definitions.json")
    return jsonschema_rs.Registry([("https://kubernetes.io/api/_definitions.json", content)])


@functools.cache
def validator(version, api, kind):
    group, _, api_version = api.rpartition("/")
    parts = [kind.lower(), group.split(".")[0], api_version]
    content = schema(version, "-".join(part for part in parts if part) + ".json")
    return jsonschema_rs.validator_for(content, registry=definitions(version))


def is_custom(api):
    """Whether an operator defines the resource, so that Kubernetes has no schema for it."""
    group = api.rpartition("/")[0]
    return "." in group and not group.endswith(".k8s.io")


def errors(item):
    api, kind = item["apiVersion"], item["kind"]
    for version in [] if is_custom(api) else VERSIONS:
        for error in validator(version, api, kind).iter_errors(item):
            yield f"{kind}, {'.'.join(map(str, error.instance_path))}, Kubernetes {version}: {error.message}"


def checked(text):
    documents = [document for document in ("\n" + text).split("\n---\n") if document.strip()]
    items = [helm.values_from_yaml(document) for document in documents]
    return {"objects": items, "invalid": [error for item in items for error in errors(item)]}


def rendered(values):
    try:
        values = helm.values_from_yaml(values) if values.strip() else {}
        chart.validate_schema(values)
        files = chart.render(values, name="minerwatch", namespace="minerwatch")
    except helm.HelmError as error:
        return {"refused": str(error)}
    report = helm.lint(chart_directory, values, strict=True)
    findings = [f"{found['path']}: {found['error']}" for found in report["messages"] if found["severity"] >= WARNING]
    files = {path.rpartition("/")[2]: text.strip() for path, text in files.items()}
    manifests = "\n---\n".join(text for name, text in files.items() if name.endswith(".yaml"))
    return {"files": files, "lint": findings + report["errors"], **checked(manifests)}


asked = json.load(sys.stdin)
outcome = {
    "cases": {name: rendered(values) for name, values in asked["cases"].items()},
    "manifests": {name: checked(text) for name, text in asked["manifests"].items()},
}
json.dump(outcome, sys.stdout)
