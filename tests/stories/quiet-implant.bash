# Somebody logs in with a guessed password. The shell fetches a program through /dev/tcp into a hidden directory and
# writes a crontab. The program runs under the name of a kernel thread and keeps one silent connection open. It does not
# mine.
/usr/sbin/sshd jobs /run/session
sleep 13
