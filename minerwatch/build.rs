//! Builds the eBPF programs that the sensor embeds, into `OUT_DIR`.

fn main() {
    #[cfg(feature = "sensor")]
    sensor();
    // Without the sensor, the build depends on nothing but the sources.
    #[cfg(not(feature = "sensor"))]
    println!("cargo::rerun-if-changed=build.rs");
}

#[cfg(feature = "sensor")]
fn sensor() {
    use std::path::PathBuf;
    use xtask::ebpf;

    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if let Err(error) = ebpf::build_script(&out_dir, &arch) {
        // This line fails the build. With a failing exit code, cargo would also show the whole output of the script.
        println!("cargo::error={error:#}");
        return;
    }
    println!("cargo::rerun-if-env-changed={}", ebpf::OBJECTS_VARIABLE);
    for input in ebpf::inputs() {
        println!("cargo::rerun-if-changed={}", input.display());
    }
}
