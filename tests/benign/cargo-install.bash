# what: cargo install of a small program, fetched and built
# network: host
need cargo
export CARGO_TARGET_DIR=$WORK/target
cargo install -q --root "$WORK/root" hexyl >/dev/null 2>&1 || not_run "cargo reaches no registry, or does not build"
again sh -c 'cargo install -q --force --root "$WORK/root" hexyl >/dev/null 2>&1'
