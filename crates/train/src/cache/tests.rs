#![allow(
    clippy::disallowed_methods,
    reason = "tests write the texts that a run reads"
)]

use super::*;
use crate::{Config, Machine};
use elman_infer::VocabularyFrom;
use elman_kernels::Isa;
use elman_text::Kind;
use std::fs;
use tempfile::TempDir;

/// A room with a text, a place for runs and a cache.
struct Room(TempDir);

impl Room {
    fn new() -> Room {
        let room = Room(tempfile::tempdir().unwrap());
        fs::write(room.path("text.txt"), "the cat sat on the mat\n".repeat(40)).unwrap();
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn job(&self, run: &str) -> Job {
        Job {
            config: Config::default(),
            train: vec![self.path("text.txt")],
            valid: None,
            vocabulary: VocabularyFrom::Text,
            init_from: None,
            own_text: None,
            fit_to_text: false,
            run: self.path(run),
            cache: Some(Cache::new(self.path("cache"))),
            machine: Machine {
                threads: 1,
                isa: Isa::detect(),
                save_every: Duration::ZERO,
                memory_bytes: None,
            },
        }
    }

    /// Prepares the texts of `job` and returns the files of its run.
    fn prepare(&self, job: &Job) -> (Vec<Vec<u8>>, Vec<String>) {
        let (folder, mut remarks) = (Folder::create(&job.run).unwrap(), Vec::new());
        super::super::texts::Texts::prepare(job, &folder, &mut |note| remarks.push(note)).unwrap();
        let read = |(_, path): (&str, PathBuf)| fs::read(path).unwrap();
        (files(&folder).map(read).to_vec(), remarks)
    }

    fn entries(&self) -> Vec<Entry> {
        Cache::new(self.path("cache")).entries().unwrap()
    }
}

#[test]
fn a_run_has_the_same_files_from_the_cache_and_keeps_them_without_it() {
    let room = Room::new();
    fs::write(
        room.path("text.txt"),
        "\u{feff}the cat sat on the mat\nthe end\n".repeat(40),
    )
    .unwrap();
    let first = room.prepare(&room.job("first"));
    assert!(!first.1.is_empty(), "the byte-order mark is a remark");
    let [entry] = &room.entries()[..] else {
        panic!()
    };
    let about = &entry.description;
    assert_eq!((about.kind.as_str(), about.vocab > 5), ("words", true));
    assert!(about.train_tokens > about.valid_tokens && about.valid_tokens > 0);
    // What the entry holds is what a run is given: a mark in it comes back.
    let marked = Description {
        remarks: vec!["from the cache".into()],
        ..about.clone()
    };
    fs::write(
        entry.path.join(DESCRIPTION),
        serde_json::to_vec(&marked).unwrap(),
    )
    .unwrap();
    let second = room.prepare(&room.job("second"));
    assert_eq!(second, (first.0.clone(), marked.remarks));
    assert_eq!(room.entries().len(), 1);
    Cache::new(room.path("cache")).clear().unwrap();
    assert!(room.entries().is_empty());
    let folder = Folder::create(&room.path("second")).unwrap();
    super::super::texts::Texts::open(&folder).unwrap();
    assert_eq!(room.prepare(&room.job("third")), first);
}

#[test]
fn whatever_decides_the_tokens_makes_another_entry() {
    let room = Room::new();
    fs::write(room.path("other.txt"), "a dog ran\n".repeat(40)).unwrap();
    let plain = room.job("run");
    let with = |change: &dyn Fn(&mut Job)| {
        let mut job = plain.clone();
        change(&mut job);
        key(&job, None).unwrap()
    };
    let same = [
        key(&plain, None).unwrap(),
        with(&|job| job.config.seed = 9),
        with(&|job| job.config.batch_size = 3),
        with(&|job| job.run = room.path("elsewhere")),
    ];
    assert!(same.iter().all(|key| *key == same[0]));
    let weighted = |job: &mut Job| {
        job.train.push(room.path("other.txt"));
        job.config.corpus_weights = vec![1.0, 0.5];
    };
    let mut keys = vec![
        same[0].clone(),
        with(&|job| job.config.vocab = Kind::Chars),
        with(&|job| job.config.min_count = 2),
        with(&|job| job.config.max_vocab = Some(9)),
        with(&|job| job.config.lossy = true),
        with(&|job| job.train.push(room.path("other.txt"))),
        with(&|job| job.valid = Some(vec![room.path("other.txt")])),
        with(&weighted),
        with(&|job| {
            weighted(job);
            job.config.seed = 9;
        }),
        key(&plain, Some(&Vocab::bytes())).unwrap(),
    ];
    fs::write(room.path("text.txt"), "the cat sat on the hat\n".repeat(40)).unwrap();
    keys.push(key(&plain, None).unwrap());
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all);
    let mut absent = plain.clone();
    absent.train.push(room.path("absent.txt"));
    assert_eq!(key(&absent, None), None);
}

#[test]
fn a_damaged_entry_is_made_anew() {
    let room = Room::new();
    let whole = room.prepare(&room.job("first"));
    for (name, damage) in [
        ("train.tok", &b"ELMANTOK"[..]),
        (TOKENIZER, b"{}"),
        (DESCRIPTION, b""),
    ] {
        let path = room.entries()[0].path.join(name);
        // As a disk might: the run before keeps its bytes.
        fs::remove_file(&path).unwrap();
        fs::write(&path, damage).unwrap();
        assert_eq!(room.prepare(&room.job(name)), whole, "{name}");
        assert_eq!(
            room.prepare(&room.job(&format!("{name}-2"))),
            whole,
            "{name}"
        );
        assert_eq!(room.entries().len(), 1, "{name}");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_a_remark() {
    let room = Room::new();
    fs::write(room.path("file"), "").unwrap();
    let mut job = room.job("run");
    job.cache = Some(Cache::new(room.path("file")));
    let (_, remarks) = room.prepare(&job);
    assert!(
        remarks.iter().any(|remark| remark.contains("not kept")),
        "{remarks:?}"
    );
}

/// A directory called `texts` may be anybody's.
#[test]
fn nothing_but_entries_is_deleted() {
    let room = Room::new();
    room.prepare(&room.job("run"));
    let entry = room.entries()[0].path.clone();
    let mine = [
        "cache/texts/mine.txt",
        "cache/texts/.git/config",
        "cache/texts/poems/entry.json",
    ];
    for name in mine {
        fs::create_dir_all(room.path(name).parent().unwrap()).unwrap();
        fs::write(room.path(name), "{}").unwrap();
    }
    let old = SystemTime::now() - 2 * ABANDONED;
    File::open(room.path("cache/texts/.git"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    let left = entry.with_file_name(format!(".{}-1", "7f".repeat(32)));
    fs::create_dir(&left).unwrap();
    File::open(&left).unwrap().set_modified(old).unwrap();
    let cache = Cache::new(room.path("cache"));
    cache.tidy(0).unwrap();
    assert!(!entry.exists() && !left.exists());
    room.prepare(&room.job("again"));
    assert!(entry.exists());
    cache.clear().unwrap();
    assert!(!entry.exists());
    assert!(mine.iter().all(|name| room.path(name).exists()));
}

#[test]
fn entries_unused_for_longest_go_first() {
    let room = Room::new();
    let cache = Cache::new(room.path("cache"));
    for (age, min_count) in [(20, 1), (30, 2), (10, 3)] {
        let mut job = room.job(&format!("run{min_count}"));
        job.config.min_count = min_count;
        room.prepare(&job);
        let entry = room.path("cache/texts").join(key(&job, None).unwrap());
        let used = SystemTime::now() - Duration::from_secs(3600 * age);
        File::open(entry.join(DESCRIPTION))
            .unwrap()
            .set_modified(used)
            .unwrap();
    }
    let [newest, middle, _] = &room.entries()[..] else {
        panic!()
    };
    assert!(newest.last_used > middle.last_used);
    let half_made = room.path(&format!("cache/texts/.{}-1", "7f".repeat(32)));
    fs::create_dir(&half_made).unwrap();
    cache.tidy(newest.bytes + middle.bytes).unwrap();
    let left: Vec<PathBuf> = room.entries().into_iter().map(|entry| entry.path).collect();
    assert_eq!(left, [newest.path.clone(), middle.path.clone()]);
    assert!(half_made.is_dir(), "it may be at work");
    // A run that takes an entry uses it.
    let mut job = room.job("again");
    job.config.min_count = 1;
    room.prepare(&job);
    assert_eq!(room.entries()[0].path, middle.path);
}
