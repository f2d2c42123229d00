//! The engine without routes: company, clients that hang up or do not listen, long prompts.

use super::*;
use elman_infer::testing::{model, tokens};
use elman_infer::{Eos, Model, Sampling, Writer};
use elman_net::dims::Cell;
use std::time::Duration;

fn lstm() -> Model {
    Model::from(model(Cell::LSTM, false)).with_threads(1)
}

fn writing(model: &Model, seed: u64, max_tokens: usize) -> Writing {
    let sampling = Sampling {
        seed,
        max_tokens,
        eos: Eos::GoOn,
        ..Sampling::default()
    };
    let state = TextState::beginning(model);
    let writer = Writer::new(model, sampling, 0, state.decoder(model.vocab()), &[]).unwrap();
    Writing {
        state,
        writer,
        tops: 2,
        states: false,
        bias: Bias::default(),
    }
}

/// The ids of a text with the bits of their log-probabilities.
async fn all(mut events: Events) -> Vec<(TokenId, u64)> {
    let mut found = Vec::new();
    loop {
        match events.next().await.unwrap() {
            Event::Token { id, logprob, .. } => found.push((id, logprob.to_bits())),
            Event::End { .. } => return found,
        }
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

async fn until(condition: impl Fn() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited in vain");
}

#[test]
fn a_text_has_the_same_bits_alone_and_in_company() {
    let model = lstm();
    let engine = Engine::start(64).unwrap();
    let write = |seed, length| engine.write(engine.place().unwrap(), writing(&model, seed, length));
    block_on(async {
        let mut alone = Vec::new();
        for seed in 0..20 {
            alone.push(all(write(seed, 30 + seed as usize)).await);
        }
        let together: Vec<Events> = (0..20)
            .map(|seed| write(seed, 30 + seed as usize))
            .collect();
        for (events, alone) in together.into_iter().zip(alone) {
            assert_eq!(all(events).await, alone);
        }
    });
    assert_eq!(engine.open(), 0);
}

#[test]
fn whoever_hangs_up_is_dropped_within_two_turns() {
    let model = lstm();
    let counters = Counters::default();
    let mut turns = Turns::new(&counters);
    let open = Arc::new(AtomicUsize::new(2));
    let (new, jobs) = channel();
    let mut receivers = Vec::new();
    for seed in 0..2 {
        let (events, receiver) = mpsc::channel(write::EVENTS);
        let writing = Box::new(writing(&model, seed, 1000));
        new.send(Job::Write(
            writing,
            events,
            Place(Arc::new(Taken(open.clone()))),
        ))
        .unwrap_or_else(|_| panic!("the receiver is there"));
        receivers.push(receiver);
    }
    assert!(turns.take(&jobs));
    turns.turn();
    assert_eq!(
        (open.load(Ordering::Acquire), counters.totals().written),
        (2, 2)
    );
    drop(receivers.pop());
    turns.turn();
    turns.turn();
    assert_eq!(
        (open.load(Ordering::Acquire), counters.totals().written),
        (1, 4)
    );
    drop(receivers);
    turns.turn();
    assert_eq!(
        (open.load(Ordering::Acquire), counters.totals().written),
        (0, 4)
    );
}

#[test]
fn whoever_does_not_listen_waits_and_loses_nothing() {
    let model = lstm();
    let engine = Engine::start(8).unwrap();
    let write = |seed| engine.write(engine.place().unwrap(), writing(&model, seed, 500));
    block_on(async {
        let expected = all(write(1)).await;
        let before = engine.totals().written;
        let deaf = write(1);
        until(|| engine.totals().written >= before + write::EVENTS as u64 - 1).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        // One event less than there is room for: a turn may make two.
        assert_eq!(engine.totals().written, before + write::EVENTS as u64 - 1);
        assert_eq!(engine.open(), 1);
        // Others are written meanwhile.
        assert_eq!(all(write(2)).await.len(), 500);
        assert_eq!(all(deaf).await, expected);
    });
}

#[test]
fn a_long_prompt_does_not_stall_a_text() {
    let model = lstm();
    let counters = Counters::default();
    let mut turns = Turns::new(&counters);
    let open = Arc::new(AtomicUsize::new(3));
    let place = || Place(Arc::new(Taken(open.clone())));
    let (new, jobs) = channel();
    let ids = tokens(22, 10_000);
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (reply, answer) = oneshot::channel();
        let reading = Reading {
            state: TextState::beginning(&model),
            ids: ids.clone(),
            done: 0,
            want: Want::Losses,
            found: Found::default(),
            reply,
            place: place(),
        };
        new.send(Job::Read(Box::new(reading))).ok().unwrap();
        answers.push(answer);
    }
    let (events, _receiver) = mpsc::channel(write::EVENTS);
    new.send(Job::Write(
        Box::new(writing(&model, 1, 60)),
        events,
        place(),
    ))
    .ok()
    .unwrap();
    assert!(turns.take(&jobs));
    for turn in 1..=20 {
        turns.turn();
        let totals = counters.totals();
        // A token in each turn, beside a window of each prompt.
        assert_eq!((totals.written, totals.read), (turn, 512 * turn));
    }
    for _ in 0..20 {
        turns.turn();
    }
    let exact = model.session().score_tokens(&ids).unwrap();
    for mut answer in answers {
        let (state, found) = answer.try_recv().unwrap().unwrap();
        let scored: Vec<f64> = found.nats.iter().map(|nats| -nats).collect();
        assert_eq!((state.position, scored), (10_000, exact.clone()));
    }
}

#[test]
fn places_are_bounded_and_given_back() {
    let engine = Engine::start(2).unwrap();
    let (first, _second) = (engine.place().unwrap(), engine.place().unwrap());
    assert!(matches!(engine.place(), Err(Busy)));
    assert_eq!((engine.open(), engine.totals().refused), (2, 1));
    let copy = first.clone();
    drop(first);
    assert!(engine.place().is_err());
    drop(copy);
    assert!(engine.place().is_ok() && engine.is_alive());
}

#[test]
fn an_engine_whose_thread_has_ended_answers_so() {
    let model = lstm();
    let engine = Engine::start(8).unwrap();
    let place = || engine.place().unwrap();
    block_on(async {
        let failed: Result<(), Failure> = engine.compute(place(), || panic!("on purpose")).await;
        assert!(matches!(failed, Err(Failure::Gone)));
        until(|| !engine.is_alive()).await;
        let state = TextState::beginning(&model);
        let read = engine.read(place(), state, vec![1], Want::State).await;
        assert!(matches!(read, Err(Failure::Gone)));
        let event = engine.write(place(), writing(&model, 1, 3)).next().await;
        assert!(matches!(event, Err(Failure::Gone)));
    });
}
