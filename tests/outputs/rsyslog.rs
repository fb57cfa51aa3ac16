//! A real rsyslog with a configuration and a directory of its own.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{Scratch, require::servers};
use rustix::process::{Pid, Signal, kill_process};

/// Time limit for a start or an end.
const SOON: Duration = Duration::from_secs(20);

/// What rsyslog listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    Udp,
    Tcp,
    /// TLS with this driver (`gtls` or `ossl`). Clients need a certificate.
    Tls(&'static str),
    /// A socket like `/dev/log`.
    Unix,
}

/// An rsyslog. It is killed when dropped.
#[derive(Debug)]
pub struct Rsyslog {
    pub scratch: Scratch,
    pub port: u16,
    listener: Listener,
    program: PathBuf,
    child: Option<Child>,
}

impl Rsyslog {
    /// Writes the configuration. Each message becomes a line of `template`. Returns `None` without rsyslog.
    pub fn new(test: &str, listener: Listener, template: &str) -> Option<Self> {
        let [program] = servers(test, ["rsyslogd"])?;
        if let Listener::Tls(driver) = listener {
            servers(test, [&format!("lmnsd_{driver}.so")])?;
        }
        let scratch = Scratch::new();
        let port = free_port();
        let (file, socket) = (scratch.join("messages"), scratch.join("log.sock"));
        let at = |name: &str| scratch.join(name);
        let global = format!("global(workDirectory=\"{}\")\n", at(""));
        let input = match listener {
            Listener::Udp => format!(
                "module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\" ruleset=\"in\")\n"
            ),
            Listener::Tcp => format!(
                "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\" ruleset=\"in\")\n"
            ),
            Listener::Tls(driver) => format!(
                "module(load=\"imtcp\" streamDriver.name=\"{driver}\" streamDriver.mode=\"1\" \
                 streamDriver.authMode=\"x509/certvalid\")\n\
                 input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\" ruleset=\"in\")\n"
            ),
            Listener::Unix => format!(
                "module(load=\"imuxsock\" sysSock.use=\"off\")\n\
                 input(type=\"imuxsock\" socket=\"{socket}\" createPath=\"off\" ruleset=\"in\" \
                 rateLimit.interval=\"0\")\n"
            ),
        };
        let certificates = match listener {
            Listener::Tls(_) => format!(
                "global(defaultNetstreamDriverCAFile=\"{}\" defaultNetstreamDriverCertFile=\"{}\" \
                 defaultNetstreamDriverKeyFile=\"{}\")\n",
                at("ca.pem"),
                at("server.pem"),
                at("server.key"),
            ),
            _ => String::new(),
        };
        // The queue without threads makes rsyslog write a message before it closes the connection.
        let configuration = format!(
            "{global}{certificates}template(name=\"line\" type=\"string\" string=\"{template}\\n\")\n\
             ruleset(name=\"in\" queue.type=\"Direct\") {{\n  action(type=\"omfile\" file=\"{file}\" template=\"line\")\n}}\n\
             {input}"
        );
        fs::write(at("rsyslog.conf"), configuration).expect("a file can be written");
        Some(Self { scratch, port, listener, program, child: None })
    }

    /// Starts it, and waits until it listens.
    pub fn start(&mut self) {
        let log = fs::OpenOptions::new().append(true).create(true).open(self.scratch.join("own.log"));
        let mut command = Command::new(&self.program);
        command
            .args(["-n", "-f", &self.scratch.join("rsyslog.conf"), "-i", &self.scratch.join("pid")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a file can be opened"));
        command.envs(environment(&self.program));
        let _ = fs::remove_file(self.scratch.join("pid"));
        self.child = Some(command.spawn().expect("rsyslogd can be started"));
        let start = Instant::now();
        while !self.listens() {
            assert!(start.elapsed() < SOON, "rsyslog does not listen: {}", self.own_log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn listens(&self) -> bool {
        match self.listener {
            Listener::Udp => UdpSocket::bind((Ipv4Addr::LOCALHOST, self.port)).is_err(),
            Listener::Tcp | Listener::Tls(_) => TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok(),
            Listener::Unix => Path::new(&self.scratch.join("log.sock")).exists(),
        }
    }

    /// Whether it was started and not ended.
    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// What rsyslog says about itself.
    pub fn own_log(&self) -> String {
        fs::read_to_string(self.scratch.join("own.log")).unwrap_or_default()
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// Ends it regularly.
    pub fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    fn end(&mut self, signal: Signal) {
        let Some(mut child) = self.child.take() else { return };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("it runs");
        child.wait().expect("our child");
    }

    /// Stops it for a while, and lets it go on.
    pub fn freeze(&self, time: Duration) {
        let child = self.child.as_ref().expect("it runs");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::STOP).expect("it runs");
        thread::sleep(time);
        kill_process(pid, Signal::CONT).expect("it runs");
    }

    /// The lines that it wrote. An unfinished last line is left out.
    pub fn lines(&self) -> Vec<String> {
        let text = fs::read(self.scratch.join("messages")).unwrap_or_default();
        let text = String::from_utf8(text).expect("UTF-8");
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }
}

/// Returns the environment in which an rsyslog that set-up has unpacked finds its modules and libraries.
pub fn environment(program: &Path) -> Vec<(&'static str, PathBuf)> {
    let root = program.parent().and_then(Path::parent).and_then(Path::parent);
    let libraries = root.map(|root| root.join("usr/lib/x86_64-linux-gnu")).unwrap_or_default();
    match root {
        Some(root) if root != Path::new("/") => {
            vec![("RSYSLOG_MODDIR", libraries.join("rsyslog")), ("LD_LIBRARY_PATH", libraries)]
        }
        _ => Vec::new(),
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
