# A client of volunteer computing fetches a program and a piece of work from a project, runs the program with the lowest
# priority for 20 seconds, and uploads the result.
export BASH_ENV=/opt/story/act.bash
/usr/bin/boinc
