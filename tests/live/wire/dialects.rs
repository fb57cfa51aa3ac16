//! The first messages of the rarer dialects. The table of docs/dialects.md has all of them.

use super::{
    Case,
    Piece::{self, Hear, Pause},
    cases::{frame, upgrade},
    say,
};

/// Returns a case for each dialect.
pub(super) fn dialects() -> Vec<Case> {
    const MASK: [u8; 4] = [1, 99, 201, 5];
    let hash = "a3".repeat(32);
    let qubic = "YMCJYLCWSGXJBERNBNIFQRSUZPBDKBMEVZGKMZQKYCKWLUHBCJBWAQAAZHIL";
    let blob = "41".repeat(48);
    let dero = format!("/ws/dero1{}", "q".repeat(61));
    let line = |text: &str| vec![say(format!("{text}\n")), Hear];
    let case = |name: &str, protocol: &'static str, pieces: Vec<Piece>| Case::new(name, protocol, pieces);
    let solo = |name: &str, pieces: Vec<Piece>| Case::solo(name, "solo mining", pieces);
    let report =
        format!(r#"{{"client_status":{{"current_algo":"rx/0","hashrate_short":1.5,"x":"{blob}"}}}}"#);
    vec![
        case(
            "Iron Fish",
            "Iron Fish stratum",
            line(&format!(
                r#"{{"id":0,"method":"mining.subscribe","body":{{"version":2,"publicAddress":"{hash}","name":"r"}}}}"#
            )),
        ),
        case(
            "Grin",
            "Grin stratum",
            [
                line(r#"{"id":"1","jsonrpc":"2.0","method":"login","params":{"login":"me","pass":"x","agent":"m"}}"#),
                line(r#"{"id":"2","jsonrpc":"2.0","method":"getjobtemplate","params":null}"#),
            ]
            .concat(),
        ),
        case("Qubic", "Qubic pool protocol", line(&format!(r#"{{"id":1,"wallet":"{qubic}","worker":"r"}}"#))),
        case(
            "Nervos CKB",
            "eth-proxy",
            line(r#"{"id":1,"method":"ckb_submitLogin","params":{"login":"ckb1","agent":"n/1","worker":"r"}}"#),
        ),
        case(
            "Beam",
            "Beam stratum",
            line(&format!(r#"{{"method":"login","api_key":"{hash}1","id":"login","jsonrpc":"2.0"}}"#)),
        ),
        // The share alone may be another service's. The pool's answer decides.
        Case {
            signal: "N2",
            ..case(
                "Arweave, under way",
                "CryptoNote stratum",
                [
                    line(r#"{"id":3,"note":"jobs, please"}"#),
                    line(&format!(
                        r#"{{"id":3,"method":"submit","params":{{"job_id":"q","nonce":"0100aaff","hash":"{hash}"}}}}"#
                    )),
                ]
                .concat(),
            )
        },
        case(
            "DERO, a share",
            "getwork over WebSocket",
            vec![
                upgrade(&dero),
                Hear,
                say(frame(MASK, &format!(r#"{{"jobid":"1.0.notified","mbl_blob":"{blob}"}}"#))),
                Pause,
            ],
        ),
        case(
            "a managed miner",
            "XMRigCC control",
            vec![
                say(format!(
                    "POST /client/setClientStatus?clientId=w1 HTTP/1.1\r\nHost: c\r\nContent-Length: {}\r\n\r\n{report}",
                    report.len()
                )),
                Hear,
            ],
        ),
        solo(
            "lines of JSON to a node",
            line(r#"{"id":0,"method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#),
        ),
        solo(
            "p2pool",
            vec![
                say(
                    "POST /json_rpc HTTP/1.1\r\nHost: n\r\nContent-Length: 57\r\n\r\n\
                     {\"jsonrpc\":\"2.0\",\"id\":\"0\",\"method\":\"get_miner_data\"      }",
                ),
                Hear,
            ],
        ),
    ]
}
