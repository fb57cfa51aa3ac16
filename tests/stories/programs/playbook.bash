# Makes the modules of Ansible, for the scripts that prepare stories. See host.bash.

# Writes the module NAME for Ansible, whose code comes on standard input, to the directory of modules: module NAME.
module() {
    mkdir -p /srv/modules
    {
        echo '#!/usr/bin/python3'
        echo 'import os, shutil, subprocess, sys, tempfile, urllib.request'
        echo 'work = tempfile.mkdtemp(prefix="ansible_payload_")'
        cat
        echo 'os.rmdir(work)'
        echo 'print("{\"changed\": true}")'
    } >"/srv/modules/AnsiballZ_$1.py"
}

modules() {
    module setup <<'END'
subprocess.run(["uname", "-m"])
subprocess.run(["getconf", "_NPROCESSORS_ONLN"])
END
    module get_url <<'END'
body = urllib.request.urlopen("http://mirror.example/releases/exporter").read()
temporary = os.path.join(work, "tmp")
open(temporary, "wb").write(body)
os.chmod(temporary, 0o755)
shutil.move(temporary, "/usr/local/bin/exporter")
END
    module copy <<'END'
open("/etc/systemd/system/exporter.service", "w").write("[Service]\nExecStart=/usr/local/bin/exporter run\n")
END
    module cron <<'END'
open("/etc/cron.d/cleanup", "w").write("5 * * * * root find /var/tmp -mtime +7 -delete\n")
END
    module authorized_key <<'END'
os.makedirs("/root/.ssh", exist_ok=True)
open("/root/.ssh/authorized_keys", "a").write("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID deploy\n")
END
    module systemd <<'END'
subprocess.run(["systemctl", "start", "exporter.service"])
END
    act exporter <<'END'
connect metrics.example
for sample in 1 2 3 4 5; do
    report metrics.example
    sleep 1
done
END
}
