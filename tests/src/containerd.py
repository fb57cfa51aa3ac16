"""Runs a container in a pod, as the kubelet does: asks a runtime through the Container Runtime Interface.

Arguments: socket, cgroup parent, namespace, pod, container, image, and the command. Prints the ids of the pod and of the
container, waits for the end of standard input, and removes both.
"""

import sys

import grpc


def number(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(tag, value):
    """A field of a message: a text, a number, a message or, as a dictionary, a map."""
    if isinstance(value, dict):
        return b"".join(field(tag, field(1, name) + field(2, text)) for name, text in value.items())
    if isinstance(value, int):
        return number(tag << 3) + number(value)
    value = value.encode() if isinstance(value, str) else value
    return number(tag << 3 | 2) + number(len(value)) + value


def first_text(message):
    """The value of field 1, which is a short text."""
    assert message[0] == 1 << 3 | 2, message
    return message[2 : 2 + message[1]].decode()


socket, parent, namespace, pod, container, image, *command = sys.argv[1:]
channel = grpc.insecure_channel(f"unix://{socket}")


def call(method, message):
    ask = channel.unary_unary(f"/runtime.v1.RuntimeService/{method}")
    return ask(message, timeout=30, wait_for_ready=True)


uid = "1d2e3f40-5a6b-7c8d-9e0f-112233445566"
labels = {
    "io.kubernetes.pod.name": pod,
    "io.kubernetes.pod.namespace": namespace,
    "io.kubernetes.pod.uid": uid,
}
# The pod is on the network of the host.
security = field(1, field(1, 2))
config = (
    field(1, field(1, pod) + field(2, uid) + field(3, namespace))
    + field(6, labels | {"app": container})
    + field(8, field(1, parent) + field(2, security))
)
sandbox = first_text(call("RunPodSandbox", field(1, config)))
try:
    own = (
        field(1, field(1, container))
        + field(2, field(1, image))
        + b"".join(field(3, word) for word in command)
        + field(9, labels | {"io.kubernetes.container.name": container})
    )
    created = call("CreateContainer", field(1, sandbox) + field(2, own) + field(3, config))
    name = first_text(created)
    call("StartContainer", field(1, name))
    print(sandbox, name, flush=True)
    sys.stdin.read()
finally:
    call("StopPodSandbox", field(1, sandbox))
    call("RemovePodSandbox", field(1, sandbox))
