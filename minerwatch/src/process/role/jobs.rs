//! Agents of build services that run on Java or Node.js, which are services otherwise.

use crate::process::program_file::base_name;

/// The archives of agents.
const ARCHIVES: [&str; 7] = [
    "jenkins.war",
    "agent.jar",
    "slave.jar",
    "remoting.jar",
    "swarm-client.jar",
    "launcher.jar",
    "bamboo-agent.jar",
];

/// The first letters of the directories of agents.
const DIRECTORIES: [&str; 3] = ["teamcity", "bamboo", "actions-runner"];

/// Places where anybody or a service may write.
const OF_ANYBODY: [&str; 8] =
    ["/tmp/", "/var/tmp/", "/dev/", "/proc/", "/run/user/", "/run/lock/", "/var/crash/", "/var/www/"];

/// Home directories. Their owners choose the names in them.
const HOMES: [&str; 2] = ["/home/", "/root/"];

/// Options that load more code before the file that the arguments name.
const LOADING: [&str; 6] =
    ["-javaagent:", "-agentpath:", "-Xbootclasspath", "--patch-module=", "--require=", "--import="];

/// Options that run a command, or name more options.
const RUNNING: [&str; 3] = ["-XX:OnError=", "-XX:OnOutOfMemoryError=", "-XX:Flags="];

/// Whether the file at this absolute path, run with these arguments, is an agent. The name of a file proves nothing in a
/// place where anybody may write.
pub(super) fn runs_jobs(file: &str, arguments: &[impl AsRef<str>]) -> bool {
    let is_archive = ARCHIVES.contains(&base_name(file));
    let is_installed = || {
        let mut directories = file.split('/').rev().skip(1);
        !starts_with_one_of(file, &HOMES) && directories.any(|name| starts_with_one_of(name, &DIRECTORIES))
    };
    (is_archive || is_installed()) && !is_of_anybody(file) && !loads_other_code(file, arguments)
}

/// Whether an option before the file loads code from a place where anybody may write.
fn loads_other_code(file: &str, arguments: &[impl AsRef<str>]) -> bool {
    let options = arguments.iter().skip(1).map(AsRef::as_ref);
    let mut options =
        options.take_while(|option| option.starts_with('-') || base_name(option) != base_name(file));
    options.any(|option| {
        let parts = || option.split([':', '=', ' ', ';']);
        let is_next_word =
            || matches!(option, "-r" | "--require" | "--import" | "--loader" | "--experimental-loader");
        if starts_with_one_of(option, &LOADING) {
            // A relative path may lead anywhere.
            return parts().any(is_of_anybody) || !parts().any(|part| part.starts_with('/'));
        }
        is_next_word() || (starts_with_one_of(option, &RUNNING) && parts().any(is_of_anybody))
    })
}

/// Whether anybody or a service may have written the file at this path, or the path is a hidden one.
fn is_of_anybody(path: &str) -> bool {
    path.contains("/.") || starts_with_one_of(path, &OF_ANYBODY)
}

fn starts_with_one_of(text: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_agent(file: &str, line: &str) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        runs_jobs(file, &words)
    }

    #[test]
    fn agents_of_build_services_are_known() {
        for (file, line) in [
            ("/opt/jenkins/agent.jar", "java -jar /opt/jenkins/agent.jar -url http://ci -secret @secret"),
            ("/home/jenkins/agent.jar", "java -Djava.io.tmpdir=/tmp -Xlog:gc:/tmp/gc.log -jar agent.jar"),
            ("/home/jenkins/remoting.jar", "java -jar remoting.jar -workDir /home/jenkins"),
            (
                "/usr/share/java/jenkins.war",
                "/usr/bin/java -Djava.awt.headless=true -jar /usr/share/java/jenkins.war",
            ),
            (
                "/opt/jenkins/agent.jar",
                "java -javaagent:/opt/telemetry/agent.jar -jar /opt/jenkins/agent.jar",
            ),
            (
                "/opt/bamboo-home/bin/installer-9.jar",
                "java -jar /opt/bamboo-home/bin/installer-9.jar http://ci",
            ),
            ("/opt/teamcity-agent/lib/x.js", "node /opt/teamcity-agent/lib/x.js"),
        ] {
            assert!(is_agent(file, line), "{line}");
        }
    }

    #[test]
    fn the_name_of_an_agent_is_not_enough() {
        for (file, line) in [
            ("/tmp/agent.jar", "java -jar agent.jar"),
            ("/var/www/html/agent.jar", "java -jar /var/www/html/agent.jar"),
            ("/home/me/.cache/agent.jar", "java -jar /home/me/.cache/agent.jar"),
            ("/proc/self/fd/4/agent.jar", "java -jar /proc/self/fd/4/agent.jar"),
            ("/opt/jenkins/agent.jar", "java -javaagent:/tmp/x.jar -jar /opt/jenkins/agent.jar"),
            ("/opt/jenkins/agent.jar", "java -javaagent:x.jar -jar /opt/jenkins/agent.jar"),
            ("/opt/jenkins/agent.jar", "java -XX:OnError=/tmp/x -jar /opt/jenkins/agent.jar"),
            ("/srv/x.js", "node -r teamcity.js /srv/x.js"),
            ("/opt/teamcity/x.js", "node -r /home/me/x /opt/teamcity/x.js"),
            ("/home/me/teamcity/x.js", "node /home/me/teamcity/x.js"),
            ("/srv/app/teamcity.js", "node /srv/app/teamcity.js"),
            ("/srv/not-teamcity/x.js", "node /srv/not-teamcity/x.js"),
        ] {
            assert!(!is_agent(file, line), "{line}");
        }
    }
}
