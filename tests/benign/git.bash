# what: git: commits, clones and repacking
# packages: git
need git
git init -q repository; cd repository
git config user.email a@example.org; git config user.name a; git config commit.gpgsign false
for n in $(seq 20); do seq $((n * 1000)) > "$n"; git add -A; git commit -qm "$n stratum"; done
cd ..
again sh -c 'rm -rf clone && git clone -q --no-local repository clone && git -C clone repack -adfq --depth=200'
