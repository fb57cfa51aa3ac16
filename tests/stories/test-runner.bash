# A test runner starts two tests at the same time. One tests an installer: it fetches a program to /tmp and runs it, the
# program connects and writes a cron job, and the test removes the job. The other test has nothing to do with it and
# keeps a processor busy.
export BASH_ENV=/opt/story/act.bash
/srv/tests/run
