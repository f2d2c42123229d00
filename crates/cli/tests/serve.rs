//! `elman serve` as a process: it says where it listens, ends in order, and continues after a kill.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::Room;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server that is killed when the test ends.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(room: &Room, args: &[&str]) -> Server {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("elman"))
            .arg("serve")
            .args(args)
            .args(["--listen", "127.0.0.1:0"])
            .current_dir(room.path(""))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().to_owned();
        assert!(line.starts_with("serving "), "{line:?}");
        Server { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream
    }

    fn post(&self, path: &str, body: Value) -> Value {
        let body = body.to_string();
        let mut stream = self.connect();
        write!(stream, "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        serde_json::from_str(body).unwrap()
    }

    fn signal(&mut self, name: &str) -> Option<i32> {
        Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn after_a_kill_the_same_tokens_follow() {
    let room = Room::new();
    room.train("runs/a", "20", &[]);
    let args = ["runs/a", "--session-dir", "kept", "-q"];
    let next = json!({"max_tokens": 25, "seed": 4});
    let mut server = Server::start(&room, &args);
    server.post("/v1/sessions", json!({"name": "s"}));
    server.post("/v1/sessions/s/feed", json!({"prompt": "The king"}));
    server.post("/v1/sessions/s/save", json!({}));
    let state = server.post(
        "/v1/next",
        json!({"prompt": "The king", "return_state": true}),
    )["state"]
        .clone();
    let expected = server.post("/v1/sessions/s/generate", next.clone());
    assert_eq!(server.signal("-KILL"), None);
    let mut server = Server::start(&room, &args);
    assert_eq!(
        server.post("/v1/sessions/s/restore", json!({}))["position"].as_u64(),
        Some(2)
    );
    let again = server.post("/v1/sessions/s/generate", next.clone());
    assert_eq!(
        (&again["text"], &again["tokens"]),
        (&expected["text"], &expected["tokens"])
    );
    // The key outlives the server as well, so a client's state does.
    let completed = server.post(
        "/v1/completions",
        json!({"state": state, "max_tokens": 25, "seed": 4}),
    );
    assert_eq!(completed["choices"][0]["text"], expected["text"]);
    // An orderly end saves what has changed.
    assert_eq!(server.signal("-TERM"), Some(0));
    let server = Server::start(&room, &args);
    let position = server.post("/v1/sessions/s/restore", json!({}))["position"].clone();
    assert_eq!(position, again["session"]["position"]);
}

#[test]
fn what_cannot_be_served_is_wrong_usage() {
    let room = Room::new();
    room.train("runs/a", "1", &[]);
    for (args, word) in [
        (&["runs/a", "runs/a"][..], "NAME=MODEL"),
        (&["a b=runs/a"], "letters"),
        (&["runs/a", "--listen", "nowhere"], "--listen"),
        (&["runs/a", "--sessions", "0"], "--sessions"),
    ] {
        let message = room.fails(2, &[&["serve"], args].concat());
        assert!(message.contains(word), "{message}");
    }
    room.write("keys", "\n\n");
    assert!(
        room.fails(2, &["serve", "runs/a", "--api-keys", "keys"])
            .contains("key")
    );
    room.write("state.key", "no key");
    assert!(
        room.fails(1, &["serve", "runs/a", "--state-key", "state.key"])
            .contains("hexadecimal")
    );
    room.fails(1, &["serve", "runs/none"]);
}

#[test]
fn a_slow_head_is_cut_off_and_an_idle_server_ends_at_once() {
    let room = Room::new();
    room.train("runs/a", "1", &[]);
    let mut server = Server::start(&room, &["runs/a", "-q"]);
    let mut slow = server.connect();
    slow.write_all(b"POST /v1/next HTTP/1.1\r\n").unwrap();
    // The limit is 10 seconds; the answer is an end without one, or 408.
    let mut end = String::new();
    slow.read_to_string(&mut end).unwrap();
    assert!(end.is_empty() || end.starts_with("HTTP/1.1 408"), "{end}");
    assert_eq!(server.signal("-TERM"), Some(0));
}
