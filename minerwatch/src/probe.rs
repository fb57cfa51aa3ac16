//! What asks the world for the engine: each probe answers a request with an event, or makes the kernel side look closer.

pub mod fingerprints;
pub mod pidfd_getfd;
pub mod sampler;
pub mod socket_tagging;
