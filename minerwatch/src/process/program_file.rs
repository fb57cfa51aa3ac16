//! The file of a program: its name, and whether it is in a system directory.

/// Returns the part of a path after the last slash.
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The file of a program: its name, and whether it is in a directory where only root installs programs.
#[derive(Clone, Copy, Debug)]
pub struct ProgramFile<'a> {
    /// Base name of the executable or script.
    pub name: &'a str,
    /// Whether the file is in a system directory.
    pub in_system_directory: bool,
}

impl<'a> ProgramFile<'a> {
    /// Describes the program file at a path.
    pub fn at(path: &'a str) -> Self {
        Self { name: base_name(path), in_system_directory: is_in_system_directory(path) }
    }
}

fn is_in_system_directory(path: &str) -> bool {
    ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/snap/", "/nix/store/", "/gnu/store/"]
        .iter()
        .any(|directory| path.starts_with(directory))
}
