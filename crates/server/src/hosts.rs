//! Host names under which the server is asked: a page of another site cannot ask it under a name of its own.
//!
//! A site may let its own name point at 127.0.0.1 (DNS rebinding). Its page is then of this server's origin for a browser, and the rules between origins do not
//! stop it. So a server without API keys on the loopback interface answers to addresses, `localhost`, and names that its owner has listed.

use crate::app::App;
use crate::refusal::Refusal;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv6Addr};

/// Host names to which a server answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// All: keys protect the server, or it listens for others anyway.
    #[default]
    All,
    /// Addresses, `localhost`, and these names in lower case.
    Local(Vec<String>),
}

impl Hosts {
    fn allow(&self, host: Option<&[u8]>) -> bool {
        let (Hosts::Local(names), Some(host)) = (self, host) else {
            return true;
        };
        let Ok(host) = std::str::from_utf8(host) else {
            return false;
        };
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let in_brackets = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        if let Some(address) = in_brackets {
            return address.parse::<Ipv6Addr>().is_ok();
        }
        let name = name.to_ascii_lowercase();
        name.parse::<IpAddr>().is_ok() || name == "localhost" || names.contains(&name)
    }
}

pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).map(|host| host.as_bytes());
    match app.hosts().allow(host) {
        true => next.run(request).await,
        false => Refusal::with(
            StatusCode::MISDIRECTED_REQUEST,
            "this server does not answer under this host name: name it with --host, or start the server with --api-keys",
        )
        .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_of_this_server_are_answered() {
        let local = Hosts::Local(vec!["models.example.org".into()]);
        for good in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "localhost:8080",
            "LOCALHOST",
            "[::1]:8080",
            "[::1]",
            "10.0.0.7:80",
            "models.example.org",
            "Models.Example.org:443",
        ] {
            assert!(local.allow(Some(good.as_bytes())), "{good}");
        }
        for wrong in [
            "example.org",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            ":8080",
            "[evil]:8080",
            "a\u{e9}",
        ] {
            assert!(!local.allow(Some(wrong.as_bytes())), "{wrong}");
            assert!(Hosts::All.allow(Some(wrong.as_bytes())));
        }
        // No browser leaves the header out.
        assert!(local.allow(None));
    }
}
