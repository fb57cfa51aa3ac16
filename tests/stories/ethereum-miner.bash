# A program in a home directory logs in to a pool as miners of Ethereum and related coins do, and submits a share.
/root/render-node ethereum 203.0.113.20 3333
