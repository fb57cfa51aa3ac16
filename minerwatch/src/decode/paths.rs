//! Paths in records: components from the leaf to the root, and names as a process passed them to a system call.

use std::{borrow::Cow, sync::Arc};

/// Stands for the components that were left out of a path that was too long for the record.
const CUT: &str = "…";

/// Returns the text up to the first NUL. Bytes that are not UTF-8 are replaced.
pub fn text(bytes: &[u8]) -> Arc<str> {
    lossy(until_nul(bytes)).into()
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Builds an absolute path from components that are ordered from the leaf to the root.
pub fn absolute(components: &[u8], is_cut: bool) -> Arc<str> {
    let mut path = String::with_capacity(components.len() + 4);
    push_absolute(&mut path, components, is_cut);
    if path.is_empty() {
        path.push('/');
    }
    path.into()
}

/// Builds the absolute path of a name in a directory that is given as components. Without a name, the components lead
/// to the file itself. A name that begins with `/` is already absolute.
pub fn joined(directory: &[u8], name: &[u8], is_cut: bool) -> Arc<str> {
    let name = until_nul(name);
    if name.is_empty() {
        return absolute(directory, is_cut);
    }
    let mut path = String::with_capacity(directory.len() + name.len() + 4);
    push_absolute(&mut path, directory, is_cut && name.first() != Some(&b'/'));
    push_relative(&mut path, name);
    path.into()
}

/// Returns the target of the symbolic link at the absolute path `link` as an absolute path. `target` is the target as the
/// process passed it. Other links in the path are not followed.
pub fn link_target(link: &str, target: &[u8]) -> Arc<str> {
    let target = until_nul(target);
    let directory = match target.first() {
        Some(b'/') => "",
        _ => link.rsplit_once('/').map_or("", |(directory, _)| directory),
    };
    let mut path = directory.to_owned();
    push_relative(&mut path, target);
    path.into()
}

/// Appends the components of a name to an absolute path.
fn push_relative(path: &mut String, name: &[u8]) {
    for component in name.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => path.truncate(path.rfind('/').unwrap_or(0)),
            _ => {
                path.push('/');
                path.push_str(&lossy(component));
            }
        }
    }
    if path.is_empty() {
        path.push('/');
    }
}

fn push_absolute(path: &mut String, components: &[u8], is_cut: bool) {
    if is_cut {
        path.push('/');
        path.push_str(CUT);
    }
    let components = components.strip_suffix(&[0]).unwrap_or(components);
    if components.is_empty() {
        return;
    }
    for component in components.rsplit(|byte| *byte == 0) {
        path.push('/');
        if component.is_empty() { path.push_str(CUT) } else { path.push_str(&lossy(component)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_become_an_absolute_path() {
        assert_eq!(&*absolute(b"sh\0bin\0usr\0", false), "/usr/bin/sh");
        assert_eq!(&*absolute(b"", false), "/");
        assert_eq!(&*absolute(b"memfd:x\0", false), "/memfd:x");
        assert_eq!(&*absolute(b"leaf\0deep\0", true), "/…/deep/leaf");
        assert_eq!(&*absolute(b"leaf\0deep\0\0x\0tmp\0", false), "/tmp/x/…/deep/leaf");
        assert_eq!(&*absolute(b"\xff\0", false), "/\u{fffd}");
    }

    #[test]
    fn names_are_resolved_against_their_directory() {
        for (directory, name, expected) in [
            (&b"user\0home\0"[..], &b"x\0"[..], "/home/user/x"),
            (b"work\0home\0", b"../../etc/./crontab\0", "/etc/crontab"),
            (b"work\0", b"../../..\0", "/"),
            (b"", b"/etc//cron.d/x\0", "/etc/cron.d/x"),
            (b"x\0tmp\0", b"", "/tmp/x"),
            (b"", b"", "/"),
        ] {
            assert_eq!(&*joined(directory, name, false), expected);
        }
        assert_eq!(&*joined(b"deep\0", b"x\0", true), "/…/deep/x");
        assert_eq!(&*joined(b"", b"/x\0", true), "/x");
    }

    #[test]
    fn a_target_is_resolved_against_the_directory_of_its_link() {
        for (link, target, expected) in [
            ("/etc/cron.d/x", &b"/tmp/x\0"[..], "/tmp/x"),
            ("/etc/cron.d/x", b"../../tmp/./x\0", "/tmp/x"),
            ("/etc/cron.d/x", b"y\0", "/etc/cron.d/y"),
            ("/x", b"../../y\0", "/y"),
            ("/x", b"", "/"),
        ] {
            assert_eq!(&*link_target(link, target), expected);
        }
    }
}
