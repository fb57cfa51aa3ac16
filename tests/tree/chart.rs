//! The Helm chart, rendered by Helm itself, and the manifest that is made from it.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use minerwatch_tests::{Scratch, agent::at, executable, require::python_packages};
use serde_json::{Value, json};

use super::{read, root};

const CHART: &str = "deploy/helm/minerwatch";
const MANIFEST: &str = "deploy/daemonset.yaml";
const RULES: &str = "deploy/prometheus/minerwatch.rules.yaml";

/// What the script needs of the Python packages.
const NEEDED: [&str; 3] = [
    "helm_python/lib/libhelm_c.so",
    "jsonschema_rs/jsonschema_rs.abi3.so",
    "kubernetes_validate-1.37.0-py3-none-any.whl",
];

/// What the chart makes by default, in the order of installation.
const DEFAULT_FILES: [&str; 4] =
    ["priorityclass.yaml", "serviceaccount.yaml", "configmap.yaml", "daemonset.yaml"];

/// Values that switch on everything optional that goes together.
const EVERYTHING: &str = r#"
image: { repository: "registry.example:5000/minerwatch", pullPolicy: Always, pullSecrets: [{ name: registry }],
  digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" }
fullnameOverride: watch
labels: { team: security }
config: |

  [detection]
  min_verdict = "mining"

  [[sink.webhook]]
  name = "siem"
  url = "https://siem.example/alerts"
  token_env = "SINK_TOKEN"
clusterName: "7"
credentials: { secretName: siem }
extraEnv: [{ name: SINK_TOKEN, value: secret }, { name: MINERWATCH_LOG__LEVEL, value: warn }]
envFrom: [{ secretRef: { name: more } }]
extraVolumes: [{ name: lists, configMap: { name: lists } }]
extraVolumeMounts: [{ name: lists, mountPath: /etc/minerwatch-lists, readOnly: true }]
metrics: { enabled: true, port: 19464 }
podMonitor: { enabled: true, interval: 1m, labels: { release: prometheus } }
prometheusRule: { enabled: true, labels: { release: prometheus } }
priorityClass: { name: watch-first, value: 7 }
serviceAccount: { name: watcher, annotations: { a: b } }
openshift: { securityContextConstraints: { create: true } }
nodeSelector: { kubernetes.io/os: linux }
affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms:
  [{ matchExpressions: [{ key: kubernetes.io/arch, operator: In, values: [amd64] }] }] } } }
podAnnotations: { a: b }
podLabels: { a: b }
"#;

/// The other side of each switch.
const OTHER: &str = r"
metrics: { enabled: true, address: '[$(NODE_IP)]' }
serviceMonitor: { enabled: true, labels: { release: prometheus } }
security: { privileged: true, seLinuxType: '' }
containerNames: { enabled: false }
priorityClass: { create: false, name: system-node-critical }
serviceAccount: { create: false }
probes: { enabled: false }
tolerations: []
updateStrategy: { type: OnDelete, rollingUpdate: null }
";

/// What the script says about renderings and manifests.
struct Outcome(Value);

impl Outcome {
    /// Renders the chart with each of `cases`, which are texts of values files, and checks `manifests`. Returns `None`
    /// without the Python packages.
    fn of(test: &str, cases: &[(&str, &str)], manifests: &[(&str, &str)]) -> Option<Self> {
        let packages = python_packages(test, &NEEDED)?;
        let cases: BTreeMap<_, _> = cases.iter().copied().collect();
        let manifests: BTreeMap<_, _> = manifests.iter().copied().collect();
        let asked = json!({ "cases": cases, "manifests": manifests });
        let mut python = Command::new("python3");
        // A test writes nothing into the tree.
        python.arg("-B").arg(root().join("tests/tree/chart.py")).arg(packages).arg(root().join(CHART));
        python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = python.spawn().expect("python3 starts, because its packages are here");
        child.stdin.take().expect("a pipe").write_all(asked.to_string().as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("our child");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(Self(serde_json::from_slice(&output.stdout).expect("one object")))
    }

    /// What is known about one rendering.
    fn case(&self, name: &str) -> &Value {
        let case = &self.0["cases"][name];
        assert!(case["refused"].is_null(), "{name}: {}", case["refused"]);
        case
    }

    /// The text of one rendered template. Empty if its values switch it off.
    fn file(&self, case: &str, file: &str) -> &str {
        self.case(case)["files"][file].as_str().unwrap_or_else(|| panic!("{case}: no template {file}"))
    }

    /// The rendered objects.
    fn objects(&self, case: &str) -> &[Value] {
        self.case(case)["objects"].as_array().map_or(&[], Vec::as_slice)
    }

    fn kinds(&self, case: &str) -> Vec<&str> {
        self.objects(case).iter().filter_map(|object| object["kind"].as_str()).collect()
    }

    fn object(&self, case: &str, kind: &str) -> &Value {
        let found = self.objects(case).iter().find(|object| object["kind"] == kind);
        found.unwrap_or_else(|| panic!("{case}: no {kind}"))
    }

    fn container(&self, case: &str) -> &Value {
        &self.object(case, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
    }
}

/// The overlays for platforms, each with its name and its text.
fn overlays() -> Vec<(String, String)> {
    let directory = root().join(CHART).join("overlays");
    let files = fs::read_dir(directory).expect("it is in the tree").flatten();
    files
        .map(|file| {
            let text = fs::read_to_string(file.path()).expect("it can be read");
            (file.file_name().to_string_lossy().into_owned(), text)
        })
        .collect()
}

#[test]
fn the_chart_is_clean_with_all_kinds_of_values() {
    let overlays = overlays();
    let mut cases = vec![("default", ""), ("everything", EVERYTHING), ("other", OTHER)];
    cases.extend(overlays.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let name = "the_chart_is_clean_with_all_kinds_of_values";
    let Some(outcome) = Outcome::of(name, &cases, &[]) else { return };
    for (name, _) in &cases {
        let case = outcome.case(name);
        assert_eq!((&case["lint"], &case["invalid"]), (&json!([]), &json!([])), "{name}");
    }
    for (name, text) in &overlays {
        assert!(text.starts_with("# ") && text.contains("Checked by schema only.\n"), "{name}");
        assert_ne!(outcome.case(name)["files"], outcome.case("default")["files"], "{name} changes nothing");
    }

    assert_eq!(outcome.kinds("default"), ["ConfigMap", "DaemonSet", "PriorityClass", "ServiceAccount"]);
    let everything = [
        "ConfigMap",
        "DaemonSet",
        "PodMonitor",
        "PriorityClass",
        "PrometheusRule",
        "SecurityContextConstraints",
        "ServiceAccount",
    ];
    assert_eq!(outcome.kinds("everything"), everything);
    assert_eq!(outcome.kinds("other"), ["ConfigMap", "DaemonSet", "Service", "ServiceMonitor"]);

    let rule = outcome.file("everything", "prometheusrule.yaml").lines().map(str::trim);
    let rules = read(RULES);
    assert!(rule.clone().collect::<Vec<_>>().ends_with(&rules.lines().map(str::trim).collect::<Vec<_>>()));

    let privileged = json!({ "privileged": true, "runAsUser": 0, "readOnlyRootFilesystem": true });
    assert_eq!(outcome.container("other")["securityContext"], privileged);
    assert!(!outcome.file("other", "daemonset.yaml").contains("/host"));
    let image = "registry.example:5000/minerwatch@sha256:";
    assert!(outcome.container("everything")["image"].as_str().is_some_and(|name| name.starts_with(image)));
}

#[test]
fn the_daemon_takes_the_configuration_and_the_variables_of_the_chart() {
    let cases = [("default", ""), ("everything", EVERYTHING), ("other", OTHER)];
    let name = "the_daemon_takes_the_configuration_and_the_variables_of_the_chart";
    let Some(outcome) = Outcome::of(name, &cases, &[]) else { return };
    let null = Value::Null;
    let expected: [(&str, &str, [Value; 5]); 3] = [
        (
            "default",
            "203.0.113.7",
            [json!(true), json!("/host"), null.clone(), null.clone(), json!("suspected")],
        ),
        (
            "everything",
            "203.0.113.7",
            [json!(true), json!("/host"), json!("7"), json!("203.0.113.7:19464"), json!("mining")],
        ),
        (
            "other",
            "2001:db8::7",
            [json!(false), null.clone(), null, json!("[2001:db8::7]:9464"), json!("suspected")],
        ),
    ];
    for (case, node, values) in expected {
        let shown = configuration(&outcome, case, node);
        let keys = [
            "containers.names",
            "containers.root",
            "containers.cluster",
            "metrics.listen",
            "detection.min_verdict",
        ];
        assert_eq!(keys.map(|key| at(&shown["configuration"], key).clone()), values, "{case}: {shown}");
    }
}

/// Returns what `minerwatch config show` prints in a pod on a node with this address.
fn configuration(outcome: &Outcome, case: &str, node: &str) -> Value {
    let scratch = Scratch::new();
    let path = scratch.join("minerwatch.toml");
    let text = outcome.object(case, "ConfigMap")["data"]["minerwatch.toml"].as_str().expect("a text");
    fs::write(&path, text).expect("it can be written");
    let variables = outcome.container(case)["env"].as_array().expect("a list");
    let output = Command::new(executable("minerwatch"))
        .args(["config", "show", "--json", &path])
        .envs(variables.iter().filter_map(|variable| {
            let value = variable["value"].as_str()?.replace("$(NODE_IP)", node);
            Some((variable["name"].as_str()?, value))
        }))
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one object")
}

#[test]
fn the_chart_refuses_wrong_values() {
    let cases = [
        ("imagee: {}", "'imagee' not allowed"),
        ("image: { tga: x }", "at '/image': additional properties 'tga' not allowed"),
        ("image: { digest: sha256:abc }", "at '/image/digest'"),
        ("image: { pullPolicy: Sometimes }", "at '/image/pullPolicy'"),
        ("config: { sink: {} }", "at '/config'"),
        ("metrics: { port: 0 }", "at '/metrics/port'"),
        ("extraEnv: [{ name: X, value: 7 }]", "at '/extraEnv/0/value'"),
        ("containerNames: { hostPath: run }", "at '/containerNames/hostPath'"),
        ("security: { capabilities: [CAP_BPF] }", "at '/security/capabilities/0'"),
        ("priorityClass: { value: 2000000000 }", "at '/priorityClass/value'"),
        ("podLabels: { a: 1 }", "at '/podLabels/a'"),
        ("probes: { liveness: { periodSeconds: 0 } }", "at '/probes/liveness/periodSeconds'"),
        ("podMonitor: { enabled: true }", "need metrics.enabled"),
        (
            "metrics: { enabled: true }\npodMonitor: { enabled: true }\nserviceMonitor: { enabled: true }",
            "enable one of them",
        ),
    ];
    let values = cases.map(|(values, _)| (values, values));
    let Some(outcome) = Outcome::of("the_chart_refuses_wrong_values", &values, &[]) else { return };
    for (values, reason) in cases {
        let refused = outcome.0["cases"][values]["refused"].as_str().unwrap_or_default();
        assert!(refused.contains(reason), "{values}: {refused}");
    }
}

/// `MINERWATCH_BLESS=1` renews the manifest. Its head, with the namespace, is written by hand.
#[test]
fn the_manifest_is_the_rendered_chart() {
    let written = read(MANIFEST);
    let (head, _) = written.split_once("\n---\n").expect("a namespace");
    let name = "the_manifest_is_the_rendered_chart";
    let Some(outcome) = Outcome::of(name, &[("default", "")], &[(MANIFEST, &written)]) else { return };
    let files = DEFAULT_FILES.map(|file| outcome.file("default", file));
    let expected = format!("{head}\n---\n{}\n", files.join("\n---\n"));
    if env::var_os("MINERWATCH_BLESS").is_some_and(|value| value == "1") {
        fs::write(root().join(MANIFEST), expected).expect("it can be written");
        return;
    }
    assert_eq!(written, expected, "run this test with MINERWATCH_BLESS=1 to renew {MANIFEST}");
    assert_eq!(outcome.0["manifests"][MANIFEST]["invalid"], json!([]));
    let objects = outcome.0["manifests"][MANIFEST]["objects"].as_array().map_or(0, Vec::len);
    assert_eq!(objects, 1 + DEFAULT_FILES.len());
}

/// A chart without a file that it names would render nothing, and say nothing.
#[test]
fn the_chart_has_the_version_and_the_rules_of_the_tree() {
    let chart = read(&format!("{CHART}/Chart.yaml"));
    let version = env!("CARGO_PKG_VERSION");
    for line in [format!("version: {version}"), format!("appVersion: \"{version}\"")] {
        assert!(chart.lines().any(|own| own == line), "{line}");
    }
    let copy = Path::new(CHART).join("files/minerwatch.rules.yaml");
    assert_eq!(read(&copy.to_string_lossy()), read(RULES));
}
