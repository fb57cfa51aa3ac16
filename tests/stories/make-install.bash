# A person fetches the last file of a project, builds the project on both processors and calls "make install". This
# installs the program, writes a systemd unit and starts the service, which connects out.
export BASH_ENV=/opt/story/act.bash
/usr/lib/systemd/systemd 50 &
curl -fsS -o /root/src/relayd/version.txt http://src.example/relayd/version
make -s -C /root/src/relayd -j2 relayd
make -s -C /root/src/relayd install
systemctl poweroff
wait
