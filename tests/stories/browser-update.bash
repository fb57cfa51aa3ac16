# A browser starts its updater. The updater fetches a program to a hidden directory in /tmp and runs it. This program
# connects and replaces a file of the browser. The browser connects to its vendor and writes an entry that starts it
# with the desktop. Two pages keep the processors busy.
export BASH_ENV=/opt/story/act.bash
/opt/browser/browser
