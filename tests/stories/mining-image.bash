# Somebody starts a container of a public image. The image's start script gives a miner its pool and wallet on the
# command line. The miner logs in to the pool.
containerd-shim-runc-v2 jobs /run/container
rmdir /run/cgroup/*/docker-5c1e9a7d03b84f62a7d9c0e4b6f8123a4d5e6f708192a3b4c5d6e7f8091a2b3c.scope
