//! Where the programs of a system lie.

/// The beginnings of the places where a program or a script may have a role that excuses it.
const PLACES: [&str; 7] = ["/usr/", "/bin/", "/sbin/", "/lib", "/snap/", "/nix/store/", "/gnu/store/"];

/// Whether a path lies in such a place.
pub(super) fn is_of_system(path: &str) -> bool {
    PLACES.iter().any(|place| path.starts_with(place)) && !path.contains("/..")
}
