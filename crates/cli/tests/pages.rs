//! The pages that the command writes: whole, self-contained, and right about the run.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may stop, and write where they like"
)]

use crate::common::Room;
use std::path::PathBuf;
use std::time::SystemTime;

/// Every plot has its picture and its numbers, and nothing is loaded from anywhere.
fn check_page(html: &str) {
    let plots = html.matches("<figure class=\"plot\"").count();
    assert!(plots > 0);
    assert_eq!(html.matches("<svg viewBox").count(), plots);
    assert_eq!(
        html.matches("<script type=\"application/json\">").count(),
        plots
    );
    assert!(html.contains("Content-Security-Policy"));
    for loading in [" src=", "rel=\"stylesheet", "@import", "url("] {
        assert!(!html.contains(loading), "{loading}");
    }
    for (at, _) in html.match_indices("http") {
        let what: String = html[at..].chars().take(40).collect();
        let known = ["http-equiv", "https://github.com/leeoniya/uPlot"];
        assert!(known.iter().any(|known| what.starts_with(known)), "{what}");
    }
    assert!(!html.contains("NaN"), "a number that is none");
    assert!(html.len() < 3_000_000, "{} bytes", html.len());
}

#[test]
fn a_run_keeps_its_page() {
    let room = Room::new();
    room.write("<b>.txt", crate::common::story(120));
    let args = [
        "--steps",
        "40",
        "--valid-every",
        "20",
        "--sample-every",
        "20",
        "--watch-gradients",
        "10",
    ];
    let run = ["train", "<b>.txt", "--run", "run"];
    room.elman(&[&run[..], &crate::common::TINY, &args].concat())
        .assert()
        .success();
    let html = room.read("run/report.html");
    check_page(&html);
    for id in [
        "loss",
        "perplexity",
        "rate",
        "norm",
        "speed",
        "flow",
        "saturated",
    ] {
        assert!(
            html.contains(&format!("<figure class=\"plot\" id=\"{id}\"")),
            "{id}"
        );
    }
    for part in [
        "finished: 40 steps",
        "&lt;b&gt;.txt",
        "together",
        "Step 40, epoch",
        "watch-gradients",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<b>"));
    let best = room.json(&["watch", "run", "--json"])["valid_perplexity"]
        .as_f64()
        .unwrap();
    // Digits of zero at the end are not shown.
    let shown = format!("{best:.2}");
    let shown = shown.trim_end_matches('0').trim_end_matches('.');
    assert!(
        html.contains(&format!("perplexity about {shown} at step")),
        "{best}"
    );
    assert!(
        room.stdout(&["watch", "run", "--once"])
            .contains("run/report.html")
    );

    // Made anew it is the same, and its plots are pictures.
    let said = room.stdout(&["report", "run", "-o", "again.html", "--svg", "figures"]);
    assert_eq!(room.read("again.html"), html);
    assert!(said.starts_with("again.html\nfigures/loss.svg\n"), "{said}");
    let picture = room.read("figures/loss.svg");
    assert!(
        picture.contains("xmlns=\"http://www.w3.org/2000/svg\"") && picture.contains("<style>")
    );
    let said = room.fails(2, &["report", "run", "-o", "figures"]);
    assert!(said.contains("figures is a directory"), "{said}");
}

#[test]
fn a_resumed_run_shows_all_its_steps() {
    let room = Room::new();
    room.train("run", "20", &[]);
    room.elman(&["train", "--resume", "run", "--steps", "30", "--quiet"])
        .assert()
        .success();
    let html = room.read("run/report.html");
    check_page(&html);
    assert!(html.contains("\"x\":[10.0,20.0,30.0]"));
    let said = room.fails(1, &["report", "nowhere"]);
    assert!(said.contains("nowhere holds no run"), "{said}");
}

/// A directory where the page should be keeps nobody from training.
#[test]
fn a_page_that_cannot_be_written_ends_no_run() {
    let room = Room::new();
    std::fs::create_dir_all(room.path("run/report.html")).unwrap();
    let args = [
        &["train", "text.txt", "--run", "run", "--steps", "4"],
        &crate::common::TINY[..],
    ]
    .concat();
    let assert = room.elman(&args).assert().success();
    let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(
        said.contains("note: cannot write the page run/report.html"),
        "{said}"
    );
}

/// A tiny laboratory is complete, and a second start measures nothing anew.
#[test]
fn a_laboratory_answers_every_claim() {
    let room = Room::new();
    let lab = ["lab", "--quick", "-o", "lab", "--threads", "1"];
    let said = room.stdout(&[&lab[..], &["--svg", "figures"]].concat());
    let html = room.read("lab/lab.html");
    check_page(&html);
    let claims = [
        "history",
        "perplexity",
        "exponential",
        "vocabulary",
        "forcing",
        "exposure",
        "truncation",
        "cost",
        "vanishing",
        "bound",
        "clipping",
        "relu",
        "identity",
        "gates",
        "long",
        "parameters",
        "ngrams",
        "memory",
        "order",
    ];
    for claim in claims {
        let section = format!("<section id=\"{claim}\"");
        let from = html
            .find(&section)
            .unwrap_or_else(|| panic!("{claim} is missing"));
        let section = &html[from..from + html[from..].find("</section>").unwrap()];
        assert!(section.contains("What the chapter says"), "{claim}");
        assert!(
            section.contains("<p class=\"conclusion"),
            "{claim} has no verdict"
        );
        assert!(section.contains("<table>"), "{claim} has no numbers");
    }
    assert_eq!(html.matches("<section id=").count(), claims.len());
    let plots = html.matches("<figure class=\"plot\"").count();
    assert_eq!(
        said.lines().count(),
        1 + plots,
        "the page and every plot: {said}"
    );
    for name in said.lines() {
        assert!(room.path(name).exists(), "{name}");
    }
    assert!(html.contains("This is a quick page"));
    // What needs no luck holds at any size.
    for (claim, verdict) in [
        ("exponential", "holds"),
        ("bound", "holds"),
        ("parameters", "holds"),
        ("memory", "holds"),
    ] {
        let from = html.find(&format!("<section id=\"{claim}\"")).unwrap();
        let conclusion = html[from..].find("<p class=\"conclusion").unwrap() + from;
        assert!(
            html[conclusion..].starts_with(&format!("<p class=\"conclusion {verdict}\"")),
            "{claim}"
        );
    }

    let again = [&lab[..], &["--svg", "figures"]].concat();
    let said = room.fails(1, &again);
    assert!(
        said.contains("exists") && said.contains("--force"),
        "{said}"
    );
    room.stdout(&[&again[..], &["--force"]].concat());

    let written = |directory: &str| -> Vec<(PathBuf, SystemTime)> {
        let entries = std::fs::read_dir(room.path(directory)).unwrap();
        let mut files: Vec<_> = entries
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.path(), entry.metadata().unwrap().modified().unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = ["lab/measured", "lab/runs"].map(written);
    room.stdout(&lab);
    let after = ["lab/measured", "lab/runs"].map(written);
    assert_eq!(before, after, "everything was kept");
    assert_eq!(room.read("lab/lab.html"), html);
    let said = room.fails(1, &[&lab[..], &["--seed", "2"]].concat());
    assert!(
        said.contains("lab holds measurements with another text, seed"),
        "{said}"
    );
    room.write("short.txt", "one line\n");
    let said = room.fails(1, &["lab", "short.txt", "-o", "other", "--quick"]);
    assert!(said.contains("1 lines"), "{said}");
}
