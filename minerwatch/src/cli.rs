//! (to come)

pub mod render;
