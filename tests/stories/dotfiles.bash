# A person sets up the shell on a new machine with a script. The script fetches a program into a hidden directory of the
# home directory and runs it, adds it to the shell's start files and writes a systemd unit of the user. The program
# connects, and then uses some CPU time.
export BASH_ENV=/opt/story/act.bash
/usr/sbin/sshd
