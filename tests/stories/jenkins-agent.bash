# An agent of Jenkins, a Java program, keeps a connection to its controller and runs the steps of a build as shell
# scripts in /tmp. The steps fetch a tool into a hidden directory of the workspace, run it, compile for many seconds and
# upload the result.
export BASH_ENV=/opt/story/act.bash
java -XX:TieredStopAtLevel=1 -jar /opt/jenkins/agent.jar
