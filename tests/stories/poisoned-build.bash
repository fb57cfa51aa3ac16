# A build service builds a project with a poisoned dependency. The dependency's setup script fetches a miner into a
# hidden directory and starts it in the background, and then the build goes on. The miner logs in to a pool.
gitlab-runner jobs /builds/job
sleep 9
