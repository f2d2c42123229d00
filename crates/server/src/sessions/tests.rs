use super::*;
use elman_infer::testing::{model, tokens, vocab};
use elman_infer::{Cache, Model};
use elman_net::dims::Cell;
use elman_text::{Kind, TokenId};

fn lstm() -> Model {
    model(Cell::LSTM, false).into()
}

/// What a model that was given by its name is.
fn named(model: &Model) -> impl Fn(&str) -> Option<Model> {
    let model = model.clone();
    move |name| (name == "lstm").then(|| model.clone())
}

fn name(name: &str) -> SessionName {
    name.parse().unwrap()
}

/// Feeds a history as requests do: in parts of at most `part` tokens.
fn feed(history: &mut History, ids: &[TokenId], part: usize) {
    for ids in ids.chunks(part) {
        let mut head = history.head.clone();
        head.session.feed_tokens(ids).unwrap();
        head.passed(ids);
        history.append(ids, head);
    }
}

/// Goes back as a request does.
fn rewind(history: &mut History, to: u64, model: &Model) -> Result<(), HistoryError> {
    let (mut head, ids) = history.before(to, model)?;
    head.session.feed_tokens(&ids).unwrap();
    head.passed(&ids);
    assert_eq!(head.position, to);
    history.rewind(head);
    Ok(())
}

fn saved(history: &mut History) -> Vec<u8> {
    history.head.session.save()
}

fn after(model: &Model, ids: &[TokenId]) -> Vec<u8> {
    let mut session = model.session();
    session.feed_tokens(ids).unwrap();
    session.save()
}

#[test]
fn a_session_goes_back_to_each_of_its_last_positions_and_to_its_marks() {
    let model = lstm();
    let ids = tokens(model.vocab().len(), 6000);
    for part in [1, 7, 64, MOST_APPENDED] {
        let mut history = History::new(TextState::beginning(&model));
        feed(&mut history, &ids[..100], part);
        assert_eq!(history.mark(), Ok(100));
        feed(&mut history, &ids[100..], part);
        let last = 6000 - REACH;
        for to in [6000, 5999, 5871, 5870, 5500, last + 1, last, 100, 0] {
            let mut back = history.clone();
            rewind(&mut back, to, &model).unwrap();
            assert_eq!(
                saved(&mut back),
                after(&model, &ids[..to as usize]),
                "{part} {to}"
            );
            // It goes on from there, and back again.
            let end = (to as usize + 40).min(6000);
            feed(&mut back, &ids[to as usize..end], 11);
            assert_eq!(saved(&mut back), after(&model, &ids[..end]));
            if end > to as usize + 2 {
                rewind(&mut back, to + 2, &model).unwrap();
                assert_eq!(
                    saved(&mut back),
                    after(&model, &ids[..to as usize + 2]),
                    "{part} {to}"
                );
            }
        }
        let ahead = rewind(&mut history, 6001, &model).unwrap_err();
        assert_eq!(
            ahead,
            HistoryError::Ahead {
                to: 6001,
                position: 6000
            }
        );
        let gone = rewind(&mut history, 99, &model).unwrap_err();
        assert!(gone.to_string().contains("its marks (100)"), "{gone}");
    }
}

#[test]
fn a_long_session_takes_no_more_than_a_short_one() {
    let model = lstm();
    let ids = tokens(model.vocab().len(), 1000);
    let mut history = History::new(TextState::beginning(&model));
    let mut most = 0;
    for round in 0..40 {
        feed(&mut history, &ids, 100);
        match round {
            0..4 => most = most.max(history.bytes(1000)),
            _ => assert!(history.bytes(1000) <= most, "{round}"),
        }
    }
    assert_eq!(history.head.position, 40_000);
    for _ in 0..MOST_MARKS {
        history.mark().unwrap();
        feed(&mut history, &ids[..1], 1);
    }
    assert_eq!(history.mark(), Err(HistoryError::Marks));
    assert!(history.unmark(40_000) && !history.unmark(40_000));
    assert_eq!(history.mark(), Ok(40_016));
}

#[test]
fn rewinding_forgets_what_came_after() {
    let model = lstm();
    let ids = tokens(model.vocab().len(), 50);
    let mut history = History::new(TextState::beginning(&model));
    feed(&mut history, &ids[..20], 20);
    history.mark().unwrap();
    feed(&mut history, &ids[20..], 30);
    rewind(&mut history, 10, &model).unwrap();
    assert_eq!(history.marks(), Vec::<u64>::new());
    assert!(rewind(&mut history, 20, &model).is_err());
}

#[test]
fn sessions_are_saved_and_restored_by_another_server_with_the_key() {
    let room = tempfile::tempdir().unwrap();
    let model = lstm();
    let ids = tokens(model.vocab().len(), 300);
    let options = SessionOptions {
        directory: Some(room.path().join("kept")),
        ..SessionOptions::default()
    };
    let key_file = room.path().join("key");
    let sessions =
        || Sessions::new(options.clone(), StateKey::in_file(&key_file).unwrap()).unwrap();
    let before = sessions();
    let mut history = History::new(TextState::beginning(&model));
    feed(&mut history, &ids[..200], 50);
    history.mark().unwrap();
    feed(&mut history, &ids[200..], 50);
    before.insert(name("a"), "lstm".into(), history).unwrap();
    assert_eq!(before.save_all().unwrap(), 1);
    assert_eq!(before.save_all().unwrap(), 0, "nothing has changed since");
    // Another process would do the same: nothing but files connects the two.
    let after_start = sessions();
    assert!(matches!(
        after_start.hold(&name("a")),
        Err(SessionError::None(_))
    ));
    let listed = after_start.list().unwrap();
    assert_eq!(
        listed,
        [Listed {
            name: name("a"),
            in_memory: false,
            saved: true
        }]
    );
    after_start.restore(&name("a"), named(&model)).unwrap();
    let mut restored = after_start.hold(&name("a")).unwrap();
    assert_eq!(saved(&mut restored.history), after(&model, &ids));
    assert_eq!(restored.history.marks(), [200]);
    rewind(&mut restored.history, 200, &model).unwrap();
    assert_eq!(saved(&mut restored.history), after(&model, &ids[..200]));
    assert!(matches!(
        after_start.delete(&name("a")),
        Err(SessionError::Busy(_))
    ));
    drop(restored);
    after_start.delete(&name("a")).unwrap();
    assert_eq!(after_start.list().unwrap(), []);
    assert!(matches!(
        after_start.delete(&name("a")),
        Err(SessionError::None(_))
    ));
    assert!(matches!(
        after_start.restore(&name("a"), named(&model)),
        Err(SessionError::NotSaved(_))
    ));
}

#[test]
fn saved_sessions_of_others_are_refused() {
    let room = tempfile::tempdir().unwrap();
    let model = lstm();
    let options = SessionOptions {
        directory: Some(room.path().into()),
        ..SessionOptions::default()
    };
    let key = StateKey::draw().unwrap();
    let sessions = Sessions::new(options.clone(), key.clone()).unwrap();
    sessions
        .insert(
            name("a"),
            "lstm".into(),
            History::new(TextState::beginning(&model)),
        )
        .unwrap();
    assert_eq!(sessions.save_all().unwrap(), 1);
    let other = Model::from(elman_infer::testing::model(Cell::GRU, false));
    let refused = sessions
        .restore(&name("a"), named(&other))
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(refused, SessionError::State(StateError::OtherModel { .. })),
        "{refused}"
    );
    let refused = sessions
        .restore(&name("a"), |_| None)
        .map(drop)
        .unwrap_err();
    assert!(matches!(refused, SessionError::NoModel { .. }), "{refused}");
    let strange = Sessions::new(options, StateKey::draw().unwrap()).unwrap();
    let refused = strange
        .restore(&name("a"), named(&model))
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(refused, SessionError::State(StateError::NotAuthentic)),
        "{refused}"
    );
    let path = room.path().join("session-a.elman");
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"format\":1", "\"format\":2"),
        ("\"marks\":[]", "\"marks\":[],\"more\":1"),
        ("{", ""),
    ] {
        elman_store::disk::write_private(&path, text.replacen(from, to, 1).as_bytes()).unwrap();
        let refused = sessions
            .restore(&name("a"), named(&model))
            .map(drop)
            .unwrap_err();
        assert!(matches!(refused, SessionError::Damaged { .. }), "{refused}");
    }
    elman_store::disk::write_private(&path, text.as_bytes()).unwrap();
    sessions.restore(&name("a"), named(&model)).unwrap();
}

#[test]
fn sessions_are_bounded_in_number_and_used_by_one_at_a_time() {
    let model = lstm();
    let options = SessionOptions {
        most: 2,
        directory: None,
    };
    let sessions = Sessions::new(options, StateKey::draw().unwrap()).unwrap();
    let new = || History::new(TextState::beginning(&model));
    sessions.insert(name("a"), "lstm".into(), new()).unwrap();
    assert!(matches!(
        sessions.insert(name("a"), "lstm".into(), new()),
        Err(SessionError::Exists(_))
    ));
    sessions.insert(name("b"), "lstm".into(), new()).unwrap();
    assert!(matches!(
        sessions.insert(name("c"), "lstm".into(), new()),
        Err(SessionError::Full(2))
    ));
    let mut held = sessions.hold(&name("a")).unwrap();
    assert!(matches!(
        sessions.hold(&name("a")),
        Err(SessionError::Busy(_))
    ));
    assert!(matches!(
        sessions.save(&name("a"), &mut held),
        Err(SessionError::NoDirectory)
    ));
    drop(held);
    sessions.delete(&name("a")).unwrap();
    assert_eq!(sessions.len(), 1);
    sessions.insert(name("c"), "lstm".into(), new()).unwrap();
    assert_eq!(sessions.save_all().unwrap(), 0);
}

#[test]
fn caches_and_ngram_models_have_sessions_as_well() {
    let model = Model::from(Cache::new(vocab(Kind::Chars, "abc\n"), 7).unwrap());
    let mut history = History::new(TextState::beginning(&model));
    let ids = tokens(model.vocab().len(), 40);
    feed(&mut history, &ids, 9);
    rewind(&mut history, 31, &model).unwrap();
    assert_eq!(saved(&mut history), after(&model, &ids[..31]));
}
