//! The result for people: the machine and its limits, what was reached, where the time goes.

use crate::grid::Grid;
use crate::output::{Table, bytes, count, grouped, number};
use elman::measure::bench::{Report, Row};
use std::io::{self, Write};

pub fn text(out: &mut impl Write, report: &Report) -> io::Result<()> {
    writeln!(out, "{}", machine(report))?;
    if report.results.is_empty() {
        return Ok(());
    }
    write!(out, "\n{}", speeds(&report.results).to_text())?;
    write!(out, "\n{}", kernels(&report.results).to_text())?;
    let states = |row: &&Row| row.measured.times_one_stream.is_some();
    for (number, row) in report.results.iter().filter(states).enumerate() {
        if number == 0 {
            writeln!(out)?;
        }
        if let Some(times) = row.measured.times_one_stream {
            let (name, streams) = (&row.measured.name, row.measured.tokens_per_step);
            writeln!(
                out,
                "{name}: {streams} streams together process {times:.2} times as many tokens per second as one"
            )?;
        }
    }
    Ok(())
}

/// What the machine can do at most.
fn machine(report: &Report) -> Table {
    let (machine, peaks) = (&report.machine, &report.machine.peaks);
    let mut table = Table::default();
    table.row(
        "machine",
        format!(
            "{}, {}, {}",
            machine.cpu,
            count(machine.threads, "thread"),
            machine.isa
        ),
    );
    let mut rates = vec![format!("f32 {} GFLOP/s", number(peaks.f32_gflops))];
    rates.extend(
        peaks
            .bf16_gflops
            .map(|rate| format!("bf16 {} GFLOP/s", number(rate))),
    );
    rates.extend(
        peaks
            .int8_gops
            .map(|rate| format!("int8 {} Gop/s", number(rate))),
    );
    table.row("peaks", rates.join(", "));
    let read = peaks.read_gb_per_s;
    let levels = [
        ("L1", read.l1),
        ("L2", read.l2),
        ("L3", read.l3),
        ("DRAM", read.dram),
    ];
    let levels = levels.map(|(level, rate)| format!("{level} {rate:.0}"));
    table.row("reading", format!("{} GB/s", levels.join(", ")));
    table
}

fn speeds(rows: &[Row]) -> Grid {
    let mut grid = Grid::new(
        3,
        &[
            "",
            "work",
            "in",
            "tokens/s",
            "ms/step",
            "least",
            "steps",
            "GFLOP/s",
            "of peak",
            "bytes/token",
            "of reading",
            "memory",
            "planned",
        ],
    );
    let absent = || "-".to_owned();
    for row in rows {
        let m = &row.measured;
        grid.row(vec![
            m.name.clone(),
            super::name(m.work).into(),
            m.precision.name().into(),
            grouped(m.tokens_per_s.round() as u64),
            number(m.step_ms),
            number(m.step_ms_min),
            grouped(m.steps as u64),
            number(m.gflops),
            percent(row.share_of_peak),
            m.weights_bytes_per_token.map_or_else(absent, bytes),
            row.share_of_bandwidth.map_or_else(absent, percent),
            m.peak_bytes.map_or_else(absent, bytes),
            bytes(m.plan_bytes),
        ]);
    }
    grid
}

/// Milliseconds of a step by kernel, and their share.
fn kernels(rows: &[Row]) -> Grid {
    let titles: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {}", row.measured.name, super::name(row.measured.work)))
        .collect();
    let header: Vec<&str> = std::iter::once("ms/step")
        .chain(titles.iter().map(String::as_str))
        .collect();
    let mut grid = Grid::new(1, &header);
    let mut names: Vec<&str> = Vec::new();
    for kernel in rows.iter().flat_map(|row| &row.measured.kernels) {
        // "other" comes last in every row, and so it does here.
        if !names.contains(&kernel.kernel.as_str()) {
            let end = names.len() - usize::from(names.last() == Some(&"other"));
            names.insert(end, &kernel.kernel);
        }
    }
    for name in names {
        let cell = |row: &Row| {
            let time = row.measured.kernels.iter().find(|time| time.kernel == name);
            time.map_or("-".into(), |t| {
                format!("{} {:>5}", number(t.ms), percent(t.share))
            })
        };
        let mut cells = vec![name.to_owned()];
        cells.extend(rows.iter().map(cell));
        grid.row(cells);
    }
    grid
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
