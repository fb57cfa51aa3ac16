//! The `minerwatch` command; see [`minerwatch::cli`].
fn main() {}
