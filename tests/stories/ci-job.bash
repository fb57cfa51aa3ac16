# A job of a build service: it gets its sources, fetches a tool into the build directory, runs it, builds and tests.
gitlab-runner jobs /builds/job
