//! Parses the path of a cgroup into container, runtime, pod and systemd unit.
//!
//! The runtimes define the forms. With the systemd driver a container is a scope (`docker-<id>.scope`). With the
//! cgroupfs driver it is a directory (`/docker/<id>`). The kubelet puts either form below the directory or slice of the
//! pod. Users choose container names, but the runtime chooses ids, so only ids are trusted.

use std::sync::Arc;

use crate::model::{Container, ContainerRuntime};

/// Prefixes of the directory or scope of a container. Longer prefixes come before shorter ones that also match.
const PREFIXES: &[(&str, ContainerRuntime)] = &[
    ("docker-", ContainerRuntime::Docker),
    ("cri-containerd-", ContainerRuntime::Containerd),
    ("nerdctl-", ContainerRuntime::Containerd),
    ("crio-", ContainerRuntime::CriO),
    ("libpod-payload-", ContainerRuntime::Podman),
    ("libpod-", ContainerRuntime::Podman),
];

/// Parent directories in which the name of each container's directory is its id.
const PARENTS: &[(&str, ContainerRuntime)] = &[
    ("docker", ContainerRuntime::Docker),
    ("moby", ContainerRuntime::Docker),
    ("k8s.io", ContainerRuntime::Containerd),
    ("containerd", ContainerRuntime::Containerd),
    ("nerdctl", ContainerRuntime::Containerd),
];

/// Types of systemd units that hold processes. Slices hold only other units.
const UNITS: &[&str] = &[".service", ".scope", ".socket", ".mount", ".swap"];

/// Parses the path of a cgroup, as in `/proc/PID/cgroup`. Returns `None` for the root, which holds all processes
/// without a cgroup of their own.
pub fn parse(path: &str) -> Option<Container> {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    // From inside another cgroup namespace, a path begins with `..` for each level up to the root of that namespace.
    let components: Vec<&str> =
        path.split('/').filter(|component| !matches!(*component, "" | "." | "..")).collect();
    if components.is_empty() {
        return None;
    }
    let mut containers = components.iter().enumerate().rev().filter_map(|(depth, component)| {
        let parent = depth.checked_sub(1).and_then(|depth| components.get(depth)).copied();
        identify(component, parent).map(|found| (depth, found))
    });
    let innermost = containers.next();
    let outer = containers.next();
    let above = innermost.map_or(components.len(), |(depth, _)| depth);
    let unit = components.iter().take(above).rev().find(|component| {
        // The scope of a container around this one is no unit of the host.
        UNITS.iter().any(|suffix| component.len() > suffix.len() && component.ends_with(suffix))
            && identify(component, None).is_none()
    });
    Some(Container {
        cgroup: format!("/{}", components.join("/")).into(),
        id: innermost.map(|(_, (id, _))| id.into()),
        runtime: innermost.map(|(_, (_, runtime))| runtime),
        outer: outer.map(|(_, (id, _))| id.into()),
        pod_uid: components.iter().rev().find_map(|component| pod_uid(component)),
        unit: unit.map(|unit| Arc::from(*unit)),
        details: None,
    })
}

/// Returns the id and the runtime of the container, if this component of the path is a container.
fn identify<'a>(component: &'a str, parent: Option<&str>) -> Option<(&'a str, ContainerRuntime)> {
    // runc with the cgroupfs driver, but a path in the form for systemd: `kubepods-….slice:cri-containerd:<id>`.
    if let Some((head, id)) = component.rsplit_once(':') {
        let prefix = head.rsplit(':').next().unwrap_or_default();
        let runtime = PREFIXES
            .iter()
            .find(|(known, _)| known.strip_suffix('-') == Some(prefix))
            .map_or(ContainerRuntime::Unknown, |(_, runtime)| *runtime);
        return is_id(id).then_some((id, runtime));
    }
    let name = component.strip_suffix(".scope").unwrap_or(component);
    for (prefix, runtime) in PREFIXES {
        if let Some(id) = name.strip_prefix(prefix).filter(|id| is_id(id)) {
            return Some((id, *runtime));
        }
    }
    // Since LXC 4.0.3. Before, the name was a directory of its own. In `lxc.monitor` is only the process that waits for
    // the end of the container.
    if let Some(id) = component.strip_prefix("lxc.payload.").filter(|id| !id.is_empty()) {
        return Some((id, ContainerRuntime::Lxc));
    }
    if matches!(parent, Some("lxc" | "lxc.payload")) {
        return Some((component, ContainerRuntime::Lxc));
    }
    // The pod of several containers of Podman.
    if parent == Some("libpod_parent") && is_id(component) {
        return None;
    }
    if is_id(component) || is_task_id(component) {
        let runtime = PARENTS
            .iter()
            .find(|(known, _)| parent == Some(*known))
            .map_or(ContainerRuntime::Unknown, |(_, runtime)| *runtime);
        return Some((component, runtime));
    }
    None
}

/// Checks for 256 bits in lower-case hexadecimal, the form of the ids of all these runtimes.
fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(is_hex)
}

/// Checks for a task of Amazon ECS on Fargate: 32 hexadecimal digits of the task id, a dash, and ten decimal digits.
fn is_task_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(task, number)| {
        task.len() == 32
            && task.bytes().all(is_hex)
            && number.len() == 10
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Returns the uid in `pod<uid>` or `kubepods-burstable-pod<uid>.slice`, with dashes. The kubelet writes underscores
/// instead, because a dash separates levels in systemd. The uid of a static pod is 32 digits without dashes.
fn pod_uid(component: &str) -> Option<Arc<str>> {
    let name = component.split_once(".slice").map_or(component, |(name, _)| name);
    let uid = match name.rsplit_once("-pod") {
        Some((kubepods, uid)) if kubepods.contains("kubepods") => uid,
        _ => name.strip_prefix("pod")?,
    };
    let digits = uid.bytes().filter(|byte| is_hex(*byte)).count();
    let separators = uid.bytes().filter(|byte| matches!(byte, b'-' | b'_')).count();
    let shaped = digits == 32 && matches!(separators, 0 | 4) && digits + separators == uid.len();
    shaped.then(|| uid.replace('_', "-").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f29c1f9dba0a6f0a3c8a1f1f5a9d3a8b7c6e5d4f3a2b1c0d9e8f7a6b5c4d3e2";
    const OTHER: &str = "a0b1c2d3e4f5a0b1c2d3e4f5a0b1c2d3e4f5a0b1c2d3e4f5a0b1c2d3e4f5a0b1";
    const POD: &str = "1d2e3f40-5a6b-7c8d-9e0f-112233445566";
    const CONMON: &str = "crio-conmon-3f29c1f9dba0a6f0a3c8a1f1f5a9d3a8b7c6e5d4f3a2b1c0d9e8f7a6b5c4d3e2.scope";
    const SLICE: &str = "1d2e3f40_5a6b_7c8d_9e0f_112233445566";

    struct Case {
        path: String,
        id: Option<&'static str>,
        runtime: Option<ContainerRuntime>,
        pod: Option<&'static str>,
        outer: Option<&'static str>,
        unit: Option<&'static str>,
    }

    fn container(path: String, runtime: ContainerRuntime) -> Case {
        Case { path, id: Some(ID), runtime: Some(runtime), pod: None, outer: None, unit: None }
    }

    fn pod(path: String, runtime: ContainerRuntime) -> Case {
        Case { pod: Some(POD), ..container(path, runtime) }
    }

    fn unit(path: &str, unit: &'static str) -> Case {
        Case { path: path.to_owned(), id: None, runtime: None, pod: None, outer: None, unit: Some(unit) }
    }

    fn plain(path: String) -> Case {
        Case { path, id: None, runtime: None, pod: None, outer: None, unit: None }
    }

    #[expect(clippy::too_many_lines, reason = "a table")]
    fn cases() -> Vec<Case> {
        use ContainerRuntime::{Containerd, CriO, Docker, Lxc, Podman, Unknown};
        vec![
            container(format!("/docker/{ID}"), Docker),
            container(format!("/system.slice/docker-{ID}.scope"), Docker),
            Case { outer: Some(OTHER), ..container(format!("/docker/{OTHER}/docker/{ID}"), Docker) },
            container(format!("/docker/{ID}/system.slice/nginx.service"), Docker),
            container(format!("/../../docker-{ID}.scope"), Docker),
            container(format!("/docker/{ID} (deleted)"), Docker),
            container(format!("/actions_job/{ID}"), Unknown),
            container(format!("/k8s.io/{ID}"), Containerd),
            container(format!("/system.slice/nerdctl-{ID}.scope"), Containerd),
            container(format!("/machine.slice/libpod-{ID}.scope"), Podman),
            container(format!("/machine.slice/libpod-{ID}.scope/container"), Podman),
            container(format!("/libpod_parent/libpod-{ID}"), Podman),
            Case {
                unit: Some("user@1000.service"),
                ..container(
                    format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope"),
                    Podman,
                )
            },
            Case {
                unit: Some("web.service"),
                ..container(format!("/system.slice/web.service/libpod-payload-{ID}"), Podman)
            },
            pod(format!("/kubepods/burstable/pod{POD}/{ID}"), Unknown),
            pod(format!("/kubepods/pod{POD}/crio-{ID}"), CriO),
            pod(format!("/kubelet/kubepods/besteffort/pod{POD}/{ID}"), Unknown),
            pod(
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SLICE}.slice/cri-containerd-{ID}.scope"
                ),
                Containerd,
            ),
            pod(format!("/kubepods.slice/kubepods-pod{SLICE}.slice/docker-{ID}.scope"), Docker),
            pod(
                format!(
                    "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{SLICE}.slice/crio-{ID}.scope"
                ),
                CriO,
            ),
            Case {
                unit: Some("containerd.service"),
                ..pod(
                    format!(
                        "/system.slice/containerd.service/kubepods-burstable-pod{SLICE}.slice:cri-containerd:{ID}"
                    ),
                    Containerd,
                )
            },
            Case {
                id: Some("0123456789abcdef0123456789abcdef-1234567890"),
                ..container(
                    "/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-1234567890"
                        .into(),
                    Unknown,
                )
            },
            Case { id: Some("web01"), ..container("/lxc.payload.web01/init.scope".into(), Lxc) },
            Case { id: Some("web01"), ..container("/lxc.payload/web01/system.slice".into(), Lxc) },
            Case { id: Some("web01"), ..container("/lxc/web01".into(), Lxc) },
            Case { outer: Some("web01"), ..container(format!("/lxc.payload.web01/docker/{ID}"), Docker) },
            plain("/lxc.monitor.web01".into()),
            plain("/lxc.monitor/web01".into()),
            container(format!("/libpod_parent/{OTHER}/libpod-{ID}"), Podman),
            plain(format!("/libpod_parent/{OTHER}")),
            container(format!("/machine.slice/machine-libpod_pod_{OTHER}.slice/libpod-{ID}.scope"), Podman),
            // Rootless Docker and nerdctl.
            Case {
                unit: Some("user@1000.service"),
                ..container(
                    format!("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope"),
                    Docker,
                )
            },
            // A node of kind: Kubernetes in a container of Docker.
            Case {
                outer: Some(OTHER),
                ..pod(format!("/docker/{OTHER}/kubelet/kubepods/burstable/pod{POD}/{ID}"), Unknown)
            },
            Case {
                outer: Some(OTHER),
                ..pod(
                    format!(
                        "/system.slice/docker-{OTHER}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{SLICE}.slice/cri-containerd-{ID}.scope"
                    ),
                    Containerd,
                )
            },
            // systemd in a container of a pod.
            pod(
                format!("/kubepods.slice/kubepods-pod{SLICE}.slice/crio-{ID}.scope/container/init.scope"),
                CriO,
            ),
            // The process that waits for the end of the container.
            unit(&format!("/system.slice/{CONMON}"), CONMON),
            Case {
                path: format!("/kubepods/besteffort/pod{POD}"),
                id: None,
                runtime: None,
                pod: Some(POD),
                outer: None,
                unit: None,
            },
            unit("/system.slice/nginx.service", "nginx.service"),
            unit("/system.slice/docker.service/some/part", "docker.service"),
            unit("/user.slice/user-1000.slice/session-1.scope", "session-1.scope"),
            unit("/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service", "foo.service"),
            unit("/user.slice/user-0.slice/user@0.service/init.scope", "init.scope"),
            unit("/init.scope", "init.scope"),
            // The monitor process of a container is not part of the container.
            unit("/machine.slice/libpod-conmon-abc.scope", "libpod-conmon-abc.scope"),
            plain("/user.slice".into()),
            plain(format!("/docker/{}", &ID[..12])),
            plain(format!("/docker/{}", ID.to_uppercase())),
            plain(format!("/docker/{ID}{ID}")),
            plain("/podcast".into()),
            plain("/my-pod12".into()),
            plain("/.service".into()),
            plain("/\u{0}\u{7}/ключ:значение/::".into()),
            plain("no slash at all".into()),
        ]
    }

    #[test]
    fn a_path_gives_container_pod_and_unit() {
        for case in cases() {
            let found = parse(&case.path).unwrap_or_else(|| panic!("{:?} is not the root", case.path));
            let seen = (found.id.as_deref(), found.runtime, found.pod_uid.as_deref(), found.unit.as_deref());
            assert_eq!(seen, (case.id, case.runtime, case.pod, case.unit), "{}", case.path);
            assert_eq!(found.outer.as_deref(), case.outer, "{}", case.path);
        }
    }

    #[test]
    fn the_root_is_not_a_container() {
        for root in ["", "/", "//", "/../..", "/ (deleted)"] {
            assert_eq!(parse(root), None, "{root:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_path_breaks_it(path in "(/?[-a-z0-9:._ ]{0,40}){0,5}") {
            if let Some(found) = parse(&path) {
                proptest::prop_assert!(found.cgroup.starts_with('/'));
            }
        }
    }
}
