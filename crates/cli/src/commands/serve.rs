//! `elman serve`: models over HTTP.

use crate::args::thread_count;
use crate::output::{say, usage};
use crate::signals::Stop;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::Model;
use elman::infer::Weights;
use elman_server::{ApiKeys, Limits, Options, SessionOptions, StateKey, serve};
use std::collections::HashSet;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest file of API keys.
const MOST_KEYS_BYTES: u64 = 1 << 20;
/// Longest name of a model.
const MOST_NAME: usize = 100;

/// Serve models over HTTP: OpenAI's completions, scores, states, sessions, and a page to look at them
///
/// Prints the address when clients can connect, and serves until it is ended by Ctrl-C or SIGTERM: requests that have begun are answered, sessions are saved, and the exit code is 0.
/// `/` is a page that shows what a model makes of a text. docs/SERVE.md describes the routes.
///
/// Only programs on this machine can connect unless --listen names another address. There is no TLS: put a proxy before a server that others reach, and give it --api-keys.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman serve runs/kjv                             # at http://127.0.0.1:8080, with the page at /
  elman serve runs/kjv kjv5.bin                    # two models, side by side on the page
  elman serve bible=runs/kjv --listen 127.0.0.1:0  # another name, any free port
  elman serve runs/kjv --session-dir sessions      # sessions that outlive the server
  curl localhost:8080/v1/completions -H 'content-type: application/json' -d '{\"prompt\": \"In the\"}'")]
pub struct ServeArgs {
    /// Directory of a model or of a run, or file of an n-gram model; NAME=MODEL gives it another name than its file has
    #[arg(value_name = "[NAME=]MODEL", required = true, value_hint = ValueHint::AnyPath)]
    models: Vec<String>,
    /// Address on which to listen; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// File with API keys, one on each line: requests need one of them [default: no key is needed]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    api_keys: Option<PathBuf>,
    /// Host name under which the server is asked besides localhost and addresses, for a proxy that passes it on; can be given several times
    ///
    /// Without --api-keys and on the loopback interface the server refuses other names (421), so that no web site can ask it through a name that points at this machine.
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Do not show notes on standard error
    #[arg(long, short)]
    quiet: bool,

    /// Number format of the matrices of networks: bf16 takes half the memory, int8 a quarter
    #[arg(long, value_name = "NAME", default_value = "f32", help_heading = "Model", value_parser = crate::args::named::<Weights>(&["f32", "bf16", "int8"]))]
    weights: Weights,
    /// Threads of a network; any number gives the same results [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", help_heading = "Model", value_parser = thread_count())]
    threads: Option<u16>,

    /// Directory in which named sessions are saved
    #[arg(long, value_name = "DIR", help_heading = "Sessions and states", value_hint = ValueHint::DirPath)]
    session_dir: Option<PathBuf>,
    /// Most named sessions in memory
    #[arg(long, value_name = "N", default_value = "256", help_heading = "Sessions and states", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    sessions: u32,
    /// File of the key that authenticates states; it is made if there is none [default: state.key in --session-dir, or a key that ends with the server]
    #[arg(long, value_name = "FILE", help_heading = "Sessions and states", value_hint = ValueHint::FilePath)]
    state_key: Option<PathBuf>,

    /// Largest body of a request, in KiB
    #[arg(long, value_name = "KIB", default_value = "64", help_heading = "Limits", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    body: u32,
    /// Most connections at once
    #[arg(long, value_name = "N", default_value = "2048", help_heading = "Limits", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: u32,
    /// Most texts that a model reads or writes at once; requests beyond them are refused (429)
    #[arg(long, value_name = "N", default_value = "256", help_heading = "Limits", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,
    /// Largest max_tokens of a request
    #[arg(long, value_name = "N", default_value = "4096", help_heading = "Limits", value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    max_tokens: u32,
    /// Seconds that requests may take after the server was asked to end
    #[arg(long, value_name = "SECONDS", default_value = "10", help_heading = "Limits", value_parser = clap::value_parser!(u32).range(0..=3600))]
    ending: u32,
}

pub fn run(args: ServeArgs) -> Result<()> {
    let keys = match &args.api_keys {
        Some(path) => ApiKeys::from_lines(&elman::store::disk::read_text(path, MOST_KEYS_BYTES)?),
        None => ApiKeys::default(),
    };
    if args.api_keys.is_some() && !keys.are_needed() {
        return Err(usage(
            "the file of --api-keys has no key: write one on each line",
        ));
    }
    let models = models(&args)?;
    if let Some(directory) = &args.session_dir {
        elman::store::disk::create_dir_all(directory)?;
    }
    let in_directory = args
        .session_dir
        .as_ref()
        .map(|directory| directory.join("state.key"));
    let state_key = match args.state_key.as_ref().or(in_directory.as_ref()) {
        Some(path) => StateKey::in_file(path)?,
        None => StateKey::draw()?,
    };
    if !args.listen.ip().is_loopback() && !args.quiet {
        let keyless = if keys.are_needed() {
            ""
        } else {
            " without a key"
        };
        say(format!(
            "note: others on the network can reach this server{keyless}, and nothing is encrypted: put a proxy with TLS before it"
        ));
    }
    let stop = Stop::default();
    stop.on_signals()?;
    let names: Vec<String> = models.iter().map(|(name, _)| name.clone()).collect();
    let options = Options {
        models,
        address: args.listen,
        limits: Limits {
            body: (args.body as usize) << 10,
            connections: args.connections as usize,
            requests: args.requests as usize,
            tokens: args.max_tokens as usize,
            ending: Duration::from_secs(args.ending.into()),
            ..Limits::default()
        },
        keys,
        hosts: args.host.clone(),
        state_key,
        sessions: SessionOptions {
            most: args.sessions as usize,
            directory: args.session_dir.clone(),
        },
    };
    let listening = |address| {
        let mut out = io::stdout().lock();
        // Nobody may read the output; the server serves all the same.
        let _ = writeln!(out, "serving {} at http://{address}", names.join(", "));
        let _ = out.flush();
    };
    let ended = serve(options, listening, move || stop.is_wished())?;
    if !args.quiet {
        if ended.saved > 0 {
            say(format!("saved {} sessions", ended.saved));
        }
        if !ended.answered {
            say("some requests were not answered in time");
        }
    }
    Ok(())
}

/// Loads the models under their names.
fn models(args: &ServeArgs) -> Result<Vec<(String, Model)>> {
    let mut seen = HashSet::new();
    let mut models = Vec::new();
    for given in &args.models {
        let (name, path) = named(given)?;
        if !seen.insert(name.clone()) {
            return Err(usage(format!(
                "two models are called {name}: name them as NAME=MODEL"
            )));
        }
        let model = Model::load_as(&path, args.weights)?;
        let model = match args.threads {
            Some(threads) => model.with_threads(threads.into()),
            None => model,
        };
        model.check_words("serving")?;
        models.push((name, model));
    }
    Ok(models)
}

/// Name and path of a model. A path that exists is one, whatever is in it.
fn named(given: &str) -> Result<(String, PathBuf)> {
    if let (false, Some((name, path))) = (Path::new(given).exists(), given.split_once('=')) {
        return Ok((checked(name)?, path.into()));
    }
    let path = PathBuf::from(given);
    let file = path.canonicalize().unwrap_or_else(|_| path.clone());
    let name = match path.is_dir() {
        true => file.file_name(),
        false => file.file_stem(),
    };
    let name = name.map_or_else(|| "model".into(), |name| name.to_string_lossy());
    Ok((checked(&name)?, path))
}

/// Names are parts of figures and pages: they have no quotation marks, spaces or control characters.
fn checked(name: &str) -> Result<String> {
    let plain = |c: char| c.is_alphanumeric() || "-_.+:@".contains(c);
    match !name.is_empty() && name.len() <= MOST_NAME && name.chars().all(plain) {
        true => Ok(name.to_owned()),
        false => Err(usage(format!(
            "{name:?} is no name of a model: letters, digits, '-', '_', '.', '+', ':' and '@'; give it one as NAME=MODEL"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_the_names_of_their_files_or_others() {
        let name = |given: &str| named(given).unwrap();
        assert_eq!(name("runs/kjv"), ("kjv".into(), "runs/kjv".into()));
        assert_eq!(
            name("some/kjv5.bin"),
            ("kjv5".into(), "some/kjv5.bin".into())
        );
        assert_eq!(name("bible=runs/kjv"), ("bible".into(), "runs/kjv".into()));
        for wrong in ["a b=x", "=x", "a\"b=x", "a{}=x"] {
            assert!(named(wrong).is_err(), "{wrong}");
        }
    }
}
