# what: cargo building a small crate
need cargo
export CARGO_TARGET_DIR=$WORK/target
cargo init -q --name small --vcs none .
for n in $(seq 60); do echo "pub fn f$n(v: &[u64]) -> Vec<String> { v.iter().map(|x| format!(\"{}\", x * $n)).collect() }"; done > src/lib.rs
again sh -c 'touch src/lib.rs && cargo build -q --release'
