//! Clients of coin nodes read, and do not mine.

use super::{
    Work,
    steps::{ask, serve},
};
use crate::testing::seconds;

pub(super) const WORK: [(&str, Work); 3] = [
    ("a benchmark of a node's height", |host, _, caller| {
        let wrk =
            host.spawn(caller, "/usr/bin/wrk", &["wrk", "-t2", "-d90s", "http://10.0.0.4:18081/getheight"]);
        host.connect(wrk, "10.0.0.4:18081");
        for _ in 0..300 {
            host.send(wrk, "10.0.0.4:18081", "GET /getheight HTTP/1.1\r\nHost: node\r\n\r\n");
        }
        serve(host, wrk, 2.0, 90);
    }),
    ("an explorer of a mempool", |host, init, _| {
        let node = host.spawn(init, "/usr/bin/node", &["node", "/srv/mempool/backend/dist/index.js"]);
        for _ in 0..20 {
            host.wait(seconds(5));
            host.connect(node, "10.0.0.4:8332");
            ask(host, node, "10.0.0.4:8332", r#"{"id":1,"method":"getblockcount","params":[]}"#);
            let template = r#"{"id":2,"method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#;
            ask(host, node, "10.0.0.4:8332", template);
        }
        serve(host, node, 1.5, 400);
    }),
    ("the monitoring of an exchange", |host, init, _| {
        let monitor = host.spawn_script(init, "/usr/bin/python3.11", "/opt/wallets/monitor.py");
        host.connect(monitor, "10.0.0.4:18081");
        for _ in 0..120 {
            host.wait(seconds(1));
            host.send(monitor, "10.0.0.4:18081", "GET /getheight HTTP/1.1\r\nHost: node\r\n\r\n");
            ask(host, monitor, "10.0.0.4:18081", r#"{"id":"0","method":"getblockcount"}"#);
        }
        serve(host, monitor, 1.0, 310);
    }),
];
