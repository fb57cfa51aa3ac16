# The agent of a cloud provider keeps a connection to its service and runs the scripts that an operator sends. One
# script fetches settings, and writes and runs another script in /tmp. The next fetches a program that scans for
# patches, connects and is busy. The last writes a cron job and an SSH key.
export BASH_ENV=/opt/story/act.bash
/usr/bin/amazon-ssm-agent
