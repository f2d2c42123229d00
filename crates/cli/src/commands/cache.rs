//! `elman cache`: the encoded texts that are kept for other runs; and the options that say where.

use crate::grid::Grid;
use crate::output::{bytes, grouped, say};
use crate::places;
use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueHint};
use elman::train::Cache;
use elman::train::cache::Entry;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Where encoded texts are kept.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Run")]
pub struct KeepArgs {
    /// Keep encoded texts here, so that other runs on the same texts begin at once [default: $XDG_CACHE_HOME/elman or
    /// ~/.cache/elman]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    cache: Option<PathBuf>,
    /// Neither use nor keep encoded texts
    #[arg(long, conflicts_with = "cache")]
    no_cache: bool,
}

impl KeepArgs {
    /// Keeps them in `directory` unless another place or none was chosen.
    pub fn keep_in(&mut self, directory: &Path) {
        if !self.no_cache && self.cache.is_none() {
            self.cache = Some(directory.to_path_buf());
        }
    }

    /// `None` where there is to be no cache, or no place for one.
    pub fn cache(&self) -> Option<Cache> {
        if self.no_cache {
            return None;
        }
        self.cache.clone().or_else(places::cache).map(Cache::new)
    }
}

/// List the encoded texts that are kept for other runs, or delete them
///
/// `elman train` keeps every text that it has counted and encoded, under a key of the bytes of the files and of all choices of
/// vocabulary: another run on the same texts begins at once, and a file that has changed is read again. Runs have their texts
/// under names of their own and need no cache. What was unused for longest goes when all takes more than 16 GiB.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  elman cache                         # what is there
  elman cache --json | jq '.[].path'
  elman cache clear                   # delete all of it"
)]
pub struct CacheArgs {
    #[command(subcommand)]
    command: Option<CacheCommand>,
    #[command(flatten)]
    place: PlaceArgs,
    /// Print a JSON array with an object for each entry
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum CacheCommand {
    /// Delete all encoded texts of the cache; runs keep their own
    #[command(after_help = "\
Examples:
  elman cache clear
  elman cache clear --cache /data/elman-cache")]
    Clear(PlaceArgs),
}

#[derive(Args)]
struct PlaceArgs {
    /// The cache [default: $XDG_CACHE_HOME/elman or ~/.cache/elman]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    cache: Option<PathBuf>,
}

impl PlaceArgs {
    fn open(&self) -> Result<Cache> {
        match self.cache.clone().or_else(places::cache) {
            Some(directory) => Ok(Cache::new(directory)),
            None => bail!(
                "neither XDG_CACHE_HOME nor HOME says where the cache is: name it with --cache"
            ),
        }
    }
}

pub fn run(args: &CacheArgs) -> Result<()> {
    if let Some(CacheCommand::Clear(place)) = &args.command {
        let cache = place.open()?;
        let entries = cache.entries()?;
        cache.clear()?;
        let all = bytes(entries.iter().map(|entry| entry.bytes).sum());
        let texts = match entries.len() {
            1 => "1 encoded text".to_owned(),
            n => format!("{n} encoded texts"),
        };
        say(format_args!(
            "deleted {texts} ({all}) in {}",
            cache.directory().display()
        ));
        return Ok(());
    }
    let cache = args.place.open()?;
    let entries = cache.entries()?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &entries)?;
        writeln!(out)?;
        return Ok(());
    }
    if entries.is_empty() {
        say(format_args!(
            "nothing is kept in {}",
            cache.directory().display()
        ));
        return Ok(());
    }
    let mut grid = Grid::new(
        2,
        &["text", "vocabulary", "V", "tokens", "size", "last used"],
    );
    entries.iter().for_each(|entry| grid.row(row(entry)));
    write!(out, "{}", grid.to_text())?;
    let all = bytes(entries.iter().map(|entry| entry.bytes).sum());
    writeln!(out, "{all} in {}", cache.directory().display())?;
    Ok(())
}

fn row(entry: &Entry) -> Vec<String> {
    let about = &entry.description;
    let used = SystemTime::UNIX_EPOCH + Duration::from_secs(entry.last_used);
    let days = used.elapsed().unwrap_or_default().as_secs() / (24 * 3600);
    vec![
        super::name_of(&about.train),
        about.kind.clone(),
        grouped(about.vocab as u64),
        grouped(about.train_tokens + about.valid_tokens),
        bytes(entry.bytes),
        match days {
            0 => "today".into(),
            1 => "yesterday".into(),
            days => format!("{days} days ago"),
        },
    ]
}
