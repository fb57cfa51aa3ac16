# Somebody logs in with a guessed password and starts a worm. The worm allows its own key, starts a miner, scans eight
# neighbours for SSH and runs itself on the two that answer.
/usr/sbin/sshd jobs /run/session
sleep 6
