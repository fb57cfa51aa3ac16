# A shop pays a supplier in a cryptocurrency. The wallet has an account and a node on its command line, and none of the
# options of a miner.
export BASH_ENV=/opt/story/act.bash
address=44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A
/usr/local/bin/monero-wallet-cli transfer "$address" 1.5 --daemon-address node.wallet.example:18081 --trusted-daemon
/srv/shop/payout.py "$address" 250000000000 node.wallet.example:18081
