//! The file of a program: its name, and whether it is the system's own.

use super::path::resolve;

/// Returns the part of a path after the last slash.
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns the directory of a path; empty if the path has no directory, or lies in the root directory.
pub fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The file of a program: its name, and whether it is in a directory where only root installs programs.
#[derive(Clone, Copy, Debug)]
pub struct ProgramFile<'a> {
    /// Base name of the executable or script.
    pub name: &'a str,
    /// Whether the file is in a system directory of the host. A path in a container says nothing: who makes the image
    /// chooses the names. The same is true of a mount namespace of one's own.
    pub in_system_directory: bool,
    /// Whether the file is in the directory of a configuration management that brings its own interpreter.
    pub in_management_directory: bool,
}

impl<'a> ProgramFile<'a> {
    /// Describes the program file at a path of the host.
    pub fn at(path: &'a str) -> Self {
        Self {
            name: base_name(path),
            in_system_directory: is_in_system_directory(path),
            in_management_directory: is_in_management_directory(path),
        }
    }

    /// Describes the program file at a path in a container, or in a mount namespace where another file is at that path.
    pub fn elsewhere(path: &'a str) -> Self {
        Self { name: base_name(path), in_system_directory: false, in_management_directory: false }
    }
}

/// Whether a path leads to where the packages of Puppet, Chef, Cinc, Salt and `CFEngine` install their agents. Only root
/// writes there, as in `/usr`.
fn is_in_management_directory(path: &str) -> bool {
    const PLACES: [&str; 5] =
        ["/opt/puppetlabs/", "/opt/chef/", "/opt/cinc/", "/opt/saltstack/salt/", "/var/cfengine/bin/"];
    PLACES.iter().any(|place| path.starts_with(place)) && !path.contains("/..") && !path.contains("/.")
}

/// Whether a path leads to a directory where only root installs programs.
pub fn is_in_system_directory(path: &str) -> bool {
    let is_below = |path: &str| {
        ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/snap/", "/nix/store/", "/gnu/store/"]
            .iter()
            .any(|directory| path.starts_with(directory))
    };
    // `/usr/../tmp/dpkg` is no program of the system.
    is_below(&resolve("", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_lie_in_the_directories_of_their_packages() {
        for path in
            ["/opt/puppetlabs/puppet/bin/ruby", "/opt/chef/embedded/bin/ruby", "/var/cfengine/bin/cf-agent"]
        {
            assert!(ProgramFile::at(path).in_management_directory, "{path}");
            assert!(!ProgramFile::elsewhere(path).in_management_directory, "{path}");
        }
        for path in
            ["/opt/chef/../../tmp/ruby", "/opt/chef/.x/ruby", "/opt/x/chef/ruby", "/home/me/opt/chef/ruby"]
        {
            assert!(!ProgramFile::at(path).in_management_directory, "{path}");
        }
    }

    #[test]
    fn only_the_place_that_a_path_leads_to_counts() {
        for path in ["/usr/bin/dpkg", "/usr/lib/../bin/dpkg", "/tmp/../usr/bin/dpkg", "/bin/..a/x"] {
            assert!(is_in_system_directory(path), "{path}");
        }
        for path in
            ["/usr/../tmp/dpkg", "/usr/bin/../../tmp/dpkg", "/usr2/dpkg", "usr/bin/dpkg", "/../tmp/x", ""]
        {
            assert!(!is_in_system_directory(path), "{path}");
        }
    }
}
