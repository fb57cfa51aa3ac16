//! The section `[containers]`.

use std::path::PathBuf;

use crate::schema::{absolute_path, absolute_paths, checked, optional, section, switch};

/// Maximum length of the name of a cluster, in bytes.
const MAX_CLUSTER: usize = 128;

section! {
    /// Keys of `[containers]`.
    pub struct Containers {
        /// Whether minerwatch asks the container runtimes of this host for the name, the image and the labels of
        /// containers and for their pods. It only asks, and changes nothing.
        pub names: bool = true, switch();
        /// Sockets with the HTTP interface of Docker, which Podman has, too. Sockets that do not exist are skipped.
        pub docker_sockets: Vec<PathBuf> = paths(&["/run/docker.sock", "/run/podman/podman.sock"]),
            absolute_paths("a list of absolute paths");
        /// Sockets with the Container Runtime Interface of Kubernetes. Sockets that do not exist are skipped.
        pub cri_sockets: Vec<PathBuf> = paths(&[
            "/run/containerd/containerd.sock",
            "/run/k3s/containerd/containerd.sock",
            "/run/crio/crio.sock",
        ]), absolute_paths("a list of absolute paths");
        /// Directory below which the sockets are, if the daemon runs in a container that sees the host's files there.
        pub root: Option<PathBuf> = None, optional(absolute_path());
        /// Name of the Kubernetes cluster, for `orchestrator.cluster.name`.
        pub cluster: Option<String> = None, optional(checked("a text of 1 to 128 bytes", is_cluster));
    }
}

fn paths(paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

fn is_cluster(name: &str) -> Result<(), String> {
    if (1..=MAX_CLUSTER).contains(&name.len()) && !name.contains(char::is_control) {
        Ok(())
    } else {
        Err(format!("the name has {} bytes, not 1 to {MAX_CLUSTER}, or line breaks", name.len()))
    }
}

impl Containers {
    /// Returns a path below [`Self::root`].
    pub fn below_root(&self, path: &std::path::Path) -> PathBuf {
        match &self.root {
            Some(root) => root.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_sockets_are_below_the_root() {
        let mut containers = Containers::default();
        assert_eq!(containers.below_root(Path::new("/run/docker.sock")), Path::new("/run/docker.sock"));
        containers.root = Some("/host".into());
        assert_eq!(containers.below_root(Path::new("/run/docker.sock")), Path::new("/host/run/docker.sock"));
    }
}
