# Somebody starts a container of a public image. The image's start script gives a miner its pool and wallet on the
# command line. The miner logs in to the pool.
containerd-shim-runc-v2 jobs /run/container
rmdir /run/cgroup/*/docker/*
rmdir /run/cgroup/*/docker
