//! `elman inspect states`: the hidden state over a text, its most telling units, and files of all its values.

use super::subject::{Subject, SubjectArgs};
use crate::commands::tokenize::quoted;
use crate::csv::line;
use crate::grid::Grid;
use crate::output::{Table, bytes, count, grouped, usage};
use crate::outputs::{Making, refuse_any, refuse_existing, refuse_inputs};
use crate::paint;
use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use elman::measure::inspect::states::{Options, Part, Selectivity, Unit, plan_bytes, selectivity};
use elman::measure::inspect::{States, states};
use elman::store::{Snapshot, disk, write_npy, write_snapshot};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Show hidden states over a text: which unit is a quote cell, which one counts down the line?
///
/// Every unit's value after every token of the text. Units are ranked by how well they follow something that a person can name: open
/// quotes and brackets, a colon before in the line, capitals, beginnings of sentences, digits, the place in the line and in the word. They are chosen on the first half of
/// the tokens and judged on the second, so that the best of many hundred is not luck. --unit shows the text coloured by a unit.
#[derive(Args)]
#[command(
    override_usage = "elman inspect states [OPTIONS] <MODEL> <TEXT>...\n       elman inspect states --untrained [OPTIONS] <TEXT>...",
    after_help = "\
Examples:
  elman inspect states runs/chars psalms.txt                  # the most selective units
  elman inspect states runs/chars psalms.txt --unit 0:42      # the text coloured by unit 42 of the lowest layer
  elman inspect states runs/chars psalms.txt --unit 0:42:c    # by its cell state
  elman inspect states --untrained psalms.txt --vocab chars   # what chance alone finds
  elman inspect states runs/chars psalms.txt --npy states     # states/h_l0.npy ... for NumPy
  elman inspect states runs/chars psalms.txt --safetensors states.safetensors

What each number means: docs/INSPECT.md"
)]
pub struct StatesArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Tokens of the text to analyse, from its beginning
    #[arg(long, value_name = "N", default_value_t = Options::default().tokens)]
    tokens: usize,
    /// Units to name for each property of the text
    #[arg(long, value_name = "N", default_value_t = Options::default().best)]
    best: usize,
    /// Show the text coloured by a unit, layer 0 being the lowest; a table where there are no colours. May be given several times
    #[arg(long, value_name = "LAYER:UNIT[:c]", value_parser = unit)]
    unit: Vec<Unit>,
    /// Tokens to show of it
    #[arg(long, value_name = "N", default_value_t = 500, requires = "unit")]
    show: usize,
    /// Write all values to this directory as NumPy arrays: h_l0.npy (tokens, units) and so on, and tokens.npy, the ids
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    npy: Option<PathBuf>,
    /// Write the same arrays to one safetensors file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    safetensors: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
}

/// `LAYER:UNIT`, or `LAYER:UNIT:c`.
fn unit(text: &str) -> Result<Unit, String> {
    let wanted = || {
        format!(
            "'{text}' is not a unit: write LAYER:UNIT, such as 0:42, or 0:42:c for the cell state of an LSTM"
        )
    };
    let mut parts = text.split(':');
    let mut number = || {
        parts
            .next()
            .and_then(|part| part.parse().ok())
            .ok_or_else(wanted)
    };
    let (layer, unit) = (number()?, number()?);
    let part = match (parts.next(), parts.next()) {
        (None | Some("h"), None) => Part::H,
        (Some("c"), None) => Part::C,
        _ => return Err(wanted()),
    };
    Ok(Unit { layer, unit, part })
}

/// `0:42`, `0:42:c`.
fn name(unit: Unit) -> String {
    let Unit { layer, unit, part } = unit;
    match part {
        Part::H => format!("{layer}:{unit}"),
        Part::C => format!("{layer}:{unit}:c"),
    }
}

#[derive(Serialize)]
struct Json<'a> {
    model: &'a str,
    text: &'a str,
    tokens: usize,
    hidden: Vec<usize>,
    selectivity: &'a [Selectivity],
    /// Those that --unit names, with a value for each token.
    units: Vec<Drawn>,
}

#[derive(Serialize)]
struct Drawn {
    #[serde(flatten)]
    unit: Unit,
    values: Vec<f64>,
}

pub fn run(args: StatesArgs) -> Result<()> {
    let options = Options {
        tokens: args.tokens,
        best: args.best,
    };
    options.check()?;
    if let Some(path) = &args.safetensors {
        refuse_inputs(path, &args.subject.names)?;
        refuse_existing(path, Making::File, args.force)?;
    }
    let subject = args.subject.load()?;
    let states = states(&subject.model, &subject.cpu, &subject.ids, &options)?;
    check_units(&args.unit, &states)?;
    let selective = selectivity(&subject.model, &subject.ids, &states, &options);
    let files = save(&args, &subject, &states)?;

    let mut out = io::stdout().lock();
    if args.subject.json {
        let drawn = |unit: &Unit| Drawn {
            unit: *unit,
            values: states.values(*unit).collect(),
        };
        let body = Json {
            model: &subject.name,
            text: &subject.text,
            tokens: states.tokens,
            hidden: states.layers.iter().map(|layer| layer.hidden).collect(),
            selectivity: &selective,
            units: args.unit.iter().map(drawn).collect(),
        };
        serde_json::to_writer(&mut out, &body)?;
        writeln!(out)?;
    } else if args.subject.csv {
        match args.unit.is_empty() {
            true => write_csv(&mut out, &selective)?,
            false => {
                let grid = value_table(&subject, &states, &args.unit, states.tokens, |x| {
                    x.to_string()
                });
                write!(out, "{}", grid.to_csv())?;
            }
        }
    } else {
        write_head(&mut out, &subject, &states, files)?;
        write_selective(&mut out, &selective)?;
        write_units(&mut out, &subject, &states, &args)?;
    }
    Ok(out.flush()?)
}

fn check_units(units: &[Unit], states: &States) -> Result<()> {
    let Some(unit) = units.iter().find(|unit| !states.has(**unit)) else {
        return Ok(());
    };
    let layers = states.layers.iter().enumerate();
    let layers: Vec<String> = layers
        .map(|(k, layer)| format!("0 to {} in layer {k}", layer.hidden - 1))
        .collect();
    let cells = match states.layers.iter().all(|layer| layer.c.is_empty()) {
        true => "; only an LSTM has cell states, :c",
        false => "",
    };
    Err(usage(format!(
        "the model has no unit {}: it has {}{cells}",
        name(*unit),
        layers.join(", ")
    )))
}

/// Writes the files that were asked for; returns what they are called.
fn save(args: &StatesArgs, subject: &Subject, states: &States) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let arrays = states.arrays(&subject.ids);
    if let Some(directory) = &args.npy {
        let names = arrays.iter().map(|array| format!("{}.npy", array.name));
        let paths: Vec<PathBuf> = names.map(|name| directory.join(name)).collect();
        refuse_any(&paths, args.force)?;
        disk::create_dir_all(directory)?;
        for (array, path) in arrays.iter().zip(&paths) {
            write_npy(path, array)?;
        }
        files.push(format!(
            "{} in {}",
            count(arrays.len(), "array"),
            directory.display()
        ));
    }
    if let Some(path) = &args.safetensors {
        write_safetensors(path, subject, arrays)?;
        files.push(path.display().to_string());
    }
    Ok(files)
}

fn write_safetensors(
    path: &Path,
    subject: &Subject,
    arrays: Vec<elman::store::Array>,
) -> Result<()> {
    let header = serde_json::json!({"model_id": subject.model.id(), "vocab_hash": subject.model.vocab().hash()});
    let header = header
        .as_object()
        .cloned()
        .context("a header is an object")?;
    Ok(write_snapshot(path, &Snapshot { header, arrays })?)
}

fn write_head(
    out: &mut impl Write,
    subject: &Subject,
    states: &States,
    files: Vec<String>,
) -> io::Result<()> {
    let mut head = Table::default();
    let dims = subject.model.dims();
    head.row(
        "model",
        format!("{}: {}", subject.name, dims.architecture()),
    );
    head.row(
        "text",
        format!(
            "{}: the first {} of {} tokens, states of {}",
            subject.text,
            grouped(states.tokens as u64),
            grouped(subject.ids.len() as u64),
            bytes(plan_bytes(dims, states.tokens))
        ),
    );
    for file in files {
        head.row("written", file);
    }
    writeln!(out, "{head}\n")
}

fn write_selective(out: &mut impl Write, selective: &[Selectivity]) -> io::Result<()> {
    writeln!(
        out,
        "units that follow something in the text: chosen by r on the first half, judged on the second"
    )?;
    let mut grid = Grid::new(
        1,
        &[
            "what",
            "of tokens",
            "unit",
            "r, first half",
            "r, second half",
            "AUC",
        ],
    );
    for found in selective {
        let share = found
            .share
            .map_or("-".into(), |share| format!("{:.1} %", 100.0 * share));
        if found.units.is_empty() {
            let cells = ["too rare", "-", "-", "-"].map(str::to_owned);
            grid.row(
                [found.annotation.name().to_owned(), share]
                    .into_iter()
                    .chain(cells)
                    .collect(),
            );
            continue;
        }
        for (i, score) in found.units.iter().enumerate() {
            let (what, share) = match i {
                0 => (found.annotation.name(), share.clone()),
                _ => ("", String::new()),
            };
            grid.row(vec![
                what.to_owned(),
                share,
                name(score.unit),
                format!("{:+.3}", score.chosen_r),
                format!("{:+.3}", score.r),
                score.auc.map_or("-".into(), |auc| format!("{auc:.3}")),
            ]);
        }
    }
    write!(out, "{}", grid.to_text())
}

/// The text in colours, or a table where there are none.
fn write_units(
    out: &mut impl Write,
    subject: &Subject,
    states: &States,
    args: &StatesArgs,
) -> io::Result<()> {
    let shown = args.show.min(states.tokens);
    if args.unit.is_empty() {
        return Ok(());
    }
    let terminal = console::Term::stdout();
    if !(terminal.is_term() && console::colors_enabled()) {
        let grid = value_table(subject, states, &args.unit, shown, |x| format!("{x:.3}"));
        return write!(out, "\n{}", grid.to_text());
    }
    let texts =
        elman::measure::inspect::states::printed(subject.model.vocab(), &subject.ids[..shown]);
    for unit in &args.unit {
        let values: Vec<f64> = states.values(*unit).take(shown).collect();
        writeln!(out, "\nunit {}, {}", name(*unit), paint::legend(&values))?;
        writeln!(out, "{}", paint::painted(&texts, &values))?;
    }
    Ok(())
}

/// A row for each of the first tokens, a column for each unit.
fn value_table(
    subject: &Subject,
    states: &States,
    units: &[Unit],
    tokens: usize,
    number: impl Fn(f64) -> String,
) -> Grid {
    let names: Vec<String> = units.iter().map(|unit| name(*unit)).collect();
    let mut header = vec!["token"];
    header.extend(names.iter().map(String::as_str));
    let mut grid = Grid::new(1, &header);
    let mut columns: Vec<_> = units.iter().map(|unit| states.values(*unit)).collect();
    for id in &subject.ids[..tokens] {
        let values = columns.iter_mut().filter_map(|column| column.next());
        let cells = values.map(&number);
        let token = quoted(subject.model.vocab(), *id);
        grid.row([token].into_iter().chain(cells).collect());
    }
    grid
}

/// A row for each unit that was chosen.
fn write_csv(out: &mut impl Write, selective: &[Selectivity]) -> io::Result<()> {
    write!(
        out,
        "{}",
        line([
            "what",
            "share",
            "layer",
            "unit",
            "part",
            "r_first_half",
            "r_second_half",
            "auc"
        ])
    )?;
    for found in selective {
        let optional = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        for score in &found.units {
            let Unit { layer, unit, part } = score.unit;
            let cells = [
                found.annotation.name().to_owned(),
                optional(found.share),
                layer.to_string(),
                unit.to_string(),
                part.name().to_owned(),
                score.chosen_r.to_string(),
                score.r.to_string(),
                optional(score.auc),
            ];
            write!(out, "{}", line(cells))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_named_as_they_are_read() {
        for text in ["0:42", "1:0:c"] {
            assert_eq!(name(unit(text).unwrap()), text);
        }
        assert_eq!(unit("2:3:h"), unit("2:3"));
        for text in ["", "42", "a:1", "0:1:d", "0:1:c:c", "0:-1"] {
            assert!(unit(text).unwrap_err().contains("LAYER:UNIT"), "{text}");
        }
    }
}
