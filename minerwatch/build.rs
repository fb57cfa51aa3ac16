//! stub
fn main() { let out = std::env::var("OUT_DIR").unwrap(); println!("cargo::rerun-if-changed=/work/main/target/ebpf/bpfel-unknown-none/release/minerwatch-ebpf"); std::fs::copy("/work/main/target/ebpf/bpfel-unknown-none/release/minerwatch-ebpf", out + "/minerwatch-ebpf.o").unwrap(); }
