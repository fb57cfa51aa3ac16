# A Kubernetes node runs a web application. Each second, a probe runs a shell in its container, and the shell calls curl
# on the health page. Some probes ask another host.
export BASH_ENV=/opt/story/act.bash
/usr/bin/kubelet
