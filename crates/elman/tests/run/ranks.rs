//! Runs of several processes, here threads that hand bytes to each other as MPI does.

use super::bench::{
    Bench, Impatient, Log, config, essence, lstm_everything, machine, relu_sgd, sentences,
};
use elman::train::scheduled::Decay;
use elman::train::{self, Config, Ending, Error, NewBudget, Outcome, Ranks, RunError, Team};
use std::path::Path;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

/// Memory that all ranks see.
struct Shared {
    slots: Mutex<Vec<Vec<u8>>>,
    all_here: Barrier,
}

struct Threads {
    rank: usize,
    shared: Arc<Shared>,
}

impl Threads {
    fn teams(count: usize) -> Vec<Team> {
        let shared = Arc::new(Shared {
            slots: Mutex::new(vec![Vec::new(); count]),
            all_here: Barrier::new(count),
        });
        let team = |rank| {
            let shared = shared.clone();
            Team::new(Arc::new(Threads { rank, shared }))
        };
        (0..count).map(team).collect()
    }

    /// Puts `mine` where all see it, and looks at what everybody has put there.
    fn show(&self, mine: &[u8], look: impl FnOnce(&[Vec<u8>])) {
        self.shared.slots.lock().unwrap()[self.rank] = mine.to_vec();
        self.shared.all_here.wait();
        look(&self.shared.slots.lock().unwrap());
        self.shared.all_here.wait();
    }
}

impl Ranks for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn count(&self) -> usize {
        self.shared.slots.lock().unwrap().len()
    }

    fn exchange(&self, pieces: &[u8], received: &mut [u8]) {
        let size = pieces.len() / self.count();
        self.show(pieces, |all| {
            for (to, from) in received.chunks_exact_mut(size).zip(all) {
                to.copy_from_slice(&from[self.rank * size..][..size]);
            }
        });
    }

    fn gather(&self, piece: &[u8], all: &mut [u8]) {
        self.show(piece, |pieces| all.copy_from_slice(&pieces.concat()));
    }

    fn broadcast(&self, bytes: &mut [u8]) {
        let mine = if self.rank == 0 {
            bytes.to_vec()
        } else {
            Vec::new()
        };
        self.show(&mine, |all| bytes.copy_from_slice(&all[0]));
    }
}

/// What rank 0 does, while the others assist; all of them succeed, or the result says that they do not.
fn together(
    count: usize,
    lead: impl FnOnce(&Team) -> train::Result<Outcome>,
) -> (train::Result<Outcome>, Vec<train::Result<()>>) {
    let mut teams = Threads::teams(count).into_iter();
    let first = teams.next().unwrap();
    thread::scope(|scope| {
        let assisting =
            |team: Team| scope.spawn(move || train::assist(&team, &machine(), &mut Log::default()));
        let others: Vec<_> = teams.map(assisting).collect();
        let led = lead(&first);
        if !first.has_announced() {
            train::dismiss(&first);
        }
        let others = others.into_iter().map(|other| other.join().unwrap());
        (led, others.collect())
    })
}

fn started(bench: &Bench, run: &str, config: &Config, count: usize, log: &mut Log) -> Outcome {
    let job = bench.job(run, config);
    let (led, others) = together(count, |team| train::start_together(&job, team, log));
    others.into_iter().for_each(|other| other.unwrap());
    led.unwrap()
}

fn resumed(run: &Path, count: usize, log: &mut Log) -> Outcome {
    let (led, others) = together(count, |team| {
        train::resume_together(run, &NewBudget::default(), &machine(), team, log)
    });
    others.into_iter().for_each(|other| other.unwrap());
    led.unwrap()
}

fn all() -> [(&'static str, Config); 5] {
    let drawing = Config {
        scheduled_sampling: Some(Decay::Constant(0.2)),
        ..config()
    };
    let grouped = |groups, config| Config { groups, ..config };
    [
        ("lstm", grouped(4, config())),
        ("relu", grouped(5, relu_sgd())),
        ("drawn inputs", grouped(3, drawing)),
        ("sentences", grouped(4, sentences())),
        ("everything", grouped(5, lstm_everything())),
    ]
}

#[test]
fn ranks_change_no_bit() {
    for (name, config) in all() {
        let bench = Bench::new();
        let whole = essence(&bench.path("whole"), &bench.whole("whole", &config));
        for ranks in 2..=config.groups.min(4) {
            let run = format!("run{ranks}");
            let outcome = started(&bench, &run, &config, ranks, &mut Log::default());
            assert_eq!(
                essence(&bench.path(&run), &outcome),
                whole,
                "{name}: {ranks} ranks"
            );
        }
    }
}

/// From several ranks to one, and to another number.
#[test]
fn a_run_moves_between_numbers_of_ranks() {
    for (name, config) in all() {
        let bench = Bench::new();
        let outcome = bench.whole("whole", &config);
        let (total, whole) = (outcome.total_steps, essence(&bench.path("whole"), &outcome));
        let run = bench.path("parts");
        let mut log = Log::stopping_after([1, total / 3, total / 2, total - 2]);
        let mut outcome = started(&bench, "parts", &config, 2, &mut log);
        for ranks in [1, 3, 2, 1, 3].into_iter().cycle() {
            if outcome.ending != Ending::Stopped {
                break;
            }
            outcome = resumed(&run, ranks, &mut log);
        }
        assert_eq!(essence(&run, &outcome), whole, "{name}");
    }
}

/// Local SGD: every rank makes updates of its own, and all have the same weights where they are averaged and saved.
#[test]
fn local_steps_are_averaged_and_resume_to_the_bit() {
    for (name, config) in all() {
        let bench = Bench::new();
        let local = |average_every| Config {
            groups: 3,
            average_every,
            ..config.clone()
        };
        let started =
            |run: &str, config: Config, log: &mut Log| started(&bench, run, &config, 3, log);
        let synchronous = started("one", local(1), &mut Log::default());
        let mut log = Log::default();
        let outcome = started("whole", local(4), &mut log);
        assert_ne!(outcome.checkpoint, synchronous.checkpoint, "{name}");
        let [best, other] = [&outcome, &synchronous].map(|outcome| outcome.best.unwrap());
        assert!(
            (best.loss_nats / other.loss_nats - 1.0).abs() < 0.2,
            "{name}"
        );
        let whole = essence(&bench.path("whole"), &outcome);

        let total = outcome.total_steps;
        let mut log = Log::stopping_after([1, total / 2, total - 3]);
        let mut outcome = started("parts", local(4), &mut log);
        while outcome.ending == Ending::Stopped {
            outcome = resumed(&bench.path("parts"), 3, &mut log);
        }
        assert_eq!(essence(&bench.path("parts"), &outcome), whole, "{name}");
    }
}

/// Without a choice there are as many groups as ranks; a run keeps its own.
#[test]
fn groups_are_as_many_as_ranks_unless_chosen() {
    let bench = Bench::new();
    let three = Config {
        groups: 3,
        ..config()
    };
    let whole = bench.whole("whole", &three);
    let outcome = started(&bench, "run", &config(), 3, &mut Log::default());
    assert_eq!(outcome.checkpoint, whole.checkpoint);
}

#[test]
fn what_ranks_cannot_share_is_refused_on_all() {
    let bench = Bench::new();
    let refused = |config: &Config, count| {
        let job = bench.job("run", config);
        let (led, others) = together(count, |team| {
            train::start_together(&job, team, &mut Impatient)
        });
        others.into_iter().for_each(|other| other.unwrap());
        led.unwrap_err()
    };
    let two = Config {
        groups: 2,
        ..config()
    };
    let local = Config {
        average_every: 4,
        ..two.clone()
    };
    let minutes = Config {
        minutes: Some(1.0),
        epochs: None,
        ..config()
    };
    let error = refused(&two, 3);
    assert!(
        matches!(
            error,
            Error::Run(RunError::FewGroups {
                ranks: 3,
                groups: 2
            })
        ),
        "{error}"
    );
    let error = refused(&local, 3);
    assert!(
        matches!(
            error,
            Error::Run(RunError::LocalSteps {
                ranks: 3,
                groups: 2
            })
        ),
        "{error}"
    );
    let error = refused(&minutes, 2);
    assert!(
        matches!(error, Error::Run(RunError::MinutesOfRanks(2))),
        "{error}"
    );
}
