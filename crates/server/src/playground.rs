//! The playground: a page that shows what a model makes of a text. Its files are part of the program.
//!
//! The page talks to this server's own API and to nothing else: its policy forbids a browser every other request, and scripts and styles within the page. Nothing
//! of a text becomes HTML. It needs no key to be loaded; the API asks for one if the server has keys.

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

const PAGE: &str = include_str!("../assets/playground.html");
const STYLE: &str = include_str!("../assets/playground.css");
const SCRIPT: &str = include_str!("../assets/playground.js");
const COLUMN: &str = include_str!("../assets/column.js");
/// Content policy of the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Routes of the page and its files.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async || file(PAGE, "text/html; charset=utf-8")))
        .route(
            "/playground.css",
            get(async || file(STYLE, "text/css; charset=utf-8")),
        )
        .route(
            "/playground.js",
            get(async || file(SCRIPT, "text/javascript; charset=utf-8")),
        )
        .route(
            "/column.js",
            get(async || file(COLUMN, "text/javascript; charset=utf-8")),
        )
}

fn file(text: &'static str, kind: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // Another version of the program has other files under the same names.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_obeys_its_policy() {
        for forbidden in [
            " style=",
            "<style",
            " onclick",
            "javascript:",
            "http://",
            "https://",
            "<img",
            "<iframe",
        ] {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
        }
        // Scripts have a source, and only this server's.
        assert_eq!(PAGE.matches("<script").count(), 2);
        for script in ["column.js", "playground.js"] {
            assert!(PAGE.contains(&format!("<script src=\"{script}\" defer></script>")));
        }
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "http://",
            "https://",
            "localStorage",
        ] {
            assert!(
                !SCRIPT.contains(forbidden) && !COLUMN.contains(forbidden),
                "{forbidden}"
            );
        }
        for forbidden in ["url(", "@import", "http"] {
            assert!(!STYLE.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn what_the_script_looks_for_is_in_the_page() {
        let quoted = |text: &str, before: &str| -> Vec<String> {
            let found = text.split(before).skip(1);
            found
                .filter_map(|rest| rest.split_once('\''))
                .map(|(name, _)| name.to_owned())
                .collect()
        };
        let scripts = [COLUMN, SCRIPT].concat();
        let ids = quoted(&scripts, "$('");
        assert!(ids.len() > 10);
        for id in ids {
            assert!(PAGE.contains(&format!("id=\"{id}\"")), "{id}");
        }
        for selector in quoted(&scripts, "find('.") {
            assert!(PAGE.contains(&selector), "{selector}");
        }
    }

    #[test]
    fn every_field_has_a_label() {
        for field in ["<input id=\"", "<select id=\"", "<textarea id=\""] {
            for rest in PAGE.split(field).skip(1) {
                let id = rest.split('"').next().unwrap();
                assert!(PAGE.contains(&format!("<label for=\"{id}\">")), "{id}");
            }
        }
    }
}
