# A job of a build service fetches a tool into the build directory, runs the tool, commits a source file, builds a
# program and tests it.
gitlab-runner jobs /builds/job
