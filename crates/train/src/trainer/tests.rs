use super::*;
use crate::config::{Bptt, CellName};
use crate::error::Error;
use elman_text::Kind;

const TEXT: &str = "the cat sat on the mat\nthe dog sat on the log\na cat and a dog\n";

fn config() -> Config {
    Config {
        vocab: Kind::Chars,
        cell: CellName::GRU,
        hidden: elman_net::dims::Sizes::Same(16),
        embed: 16,
        layers: 1,
        batch_size: 4,
        bptt: Bptt::Steps(8),
        epochs: Some(20.0),
        lr: 0.02,
        ..Config::default()
    }
}

fn trained(config: &Config) -> (Trainer, Vec<StepReport>) {
    let mut trainer = Trainer::on_text(config, &TEXT.repeat(4)).unwrap();
    let mut reports = Vec::new();
    while let Some(report) = trainer.step().unwrap() {
        reports.push(report);
    }
    (trainer, reports)
}

fn train_error(error: Error) -> TrainError {
    match error {
        Error::Train(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_is_learnt_and_becomes_a_model() {
    let (trainer, reports) = trained(&config());
    assert_eq!(reports.len() as u64, trainer.total_steps());
    let (first, last) = (&reports[0], &reports[reports.len() - 1]);
    assert!(last.loss_nats < 0.6 * first.loss_nats, "{last:?}");
    assert_eq!((last.step, last.epoch), (trainer.total_steps(), 20.0));
    assert!((last.perplexity() / last.loss_nats.exp() - 1.0).abs() < 1e-12);
    let model = trainer.model();
    assert_eq!(model.as_network().unwrap().about().step, last.step);
    let score = model.score(TEXT).unwrap();
    assert!(score.perplexity() < 0.3 * model.vocab().len() as f64);
    assert_eq!(trained(&config()).0.model().id(), model.id());
}

#[test]
fn threads_change_no_bit() {
    let ids = [1, 3].map(|threads| {
        let (vocab, corpus) = {
            let trainer = Trainer::on_text(&config(), TEXT).unwrap();
            let ids = trainer.vocab.tokenize(TEXT.as_bytes()).unwrap().ids;
            (trainer.vocab.clone(), Corpus::of_ids(ids, &trainer.vocab))
        };
        let cpu = Cpu::new(Isa::detect(), threads);
        let mut trainer = Trainer::on_cpu(&config(), vocab, corpus, cpu).unwrap();
        while trainer.step().unwrap().is_some() {}
        trainer.model().id().to_owned()
    });
    assert_eq!(ids[0], ids[1]);
}

/// A window of the text and a batch of the same tokens have the same loss, gradient and update.
#[test]
fn a_batch_of_a_window_s_tokens_is_that_window() {
    let config = Config {
        layout: Layout::Sentences,
        batch_tokens: Some(1000),
        batch_size: 50,
        dropout: 0.2,
        // The batch is given with every word as it is.
        unknown_rate: 0.0,
        ..config()
    };
    let mut on_text = Trainer::on_text(&config, TEXT).unwrap();
    let mut on_batch = Trainer::on_text(&config, TEXT).unwrap();
    let vocab = on_text.vocab().clone();
    let report = on_text.step().unwrap().unwrap();
    // The lines in the order in which the window has them.
    let ids = vocab.tokenize(TEXT.as_bytes()).unwrap().ids;
    let mut lines: Vec<Vec<u32>> = ids
        .split_inclusive(|&id| vocab.ends_line(id))
        .map(<[u32]>::to_vec)
        .collect();
    lines.push(vec![vocab.eos()]);
    let parts = &on_text.window.parts;
    let order: Vec<&Vec<u32>> = parts.iter().map(|&part| &lines[part as usize]).collect();
    let batch = Batch::new(vocab.eos(), &order);
    assert_eq!(batch.tokens(), report.tokens);
    let own = on_batch.step_on(&batch).unwrap();
    assert_eq!(
        (own.loss_nats, own.grad_norm),
        (report.loss_nats, report.grad_norm)
    );
    assert_eq!(on_batch.model().id(), on_text.model().id());
}

#[test]
fn a_loop_of_one_s_own_learns() {
    let mut trainer = Trainer::on_text(&config(), TEXT).unwrap();
    let (eos, sequence) = (trainer.vocab().eos(), vec![2, 3, 4, 5]);
    let batch = Batch::new(eos, &[sequence.clone(), sequence]);
    let first = trainer.step_on(&batch).unwrap().loss_nats;
    for _ in 0..40 {
        trainer.step_on(&batch).unwrap();
    }
    let last = trainer.step_on(&batch).unwrap().loss_nats;
    assert!(last < 0.3 * first, "{first} to {last}");
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let minutes = Config {
        epochs: None,
        minutes: Some(1.0),
        ..config()
    };
    let refused = Trainer::on_text(&minutes, TEXT).err().unwrap();
    assert_eq!(train_error(refused), TrainError::BudgetInMinutes);
    let mut trainer = Trainer::on_text(&config(), TEXT).unwrap();
    let mut refused = |sequences: &[Vec<u32>]| {
        let batch = Batch::new(trainer.vocab().eos(), sequences);
        train_error(trainer.step_on(&batch).unwrap_err())
    };
    assert_eq!(refused(&[]), TrainError::EmptyBatch);
    assert_eq!(refused(&[Vec::new()]), TrainError::EmptyBatch);
    assert!(matches!(
        refused(&[vec![1000]]),
        TrainError::UnknownToken { id: 1000, .. }
    ));
    assert!(matches!(
        refused(&[vec![1; 40]]),
        TrainError::BatchTooLarge { positions: 40, .. }
    ));
    assert_eq!(trainer.steps_done(), 0);
}

#[test]
fn a_training_that_diverges_ends() {
    let config = Config {
        cell: CellName::ELMAN,
        activation: elman_net::dims::Activation::Relu,
        lr: 1e30,
        clip: None,
        ..config()
    };
    let mut trainer = Trainer::on_text(&config, TEXT).unwrap();
    let error = loop {
        match trainer.step() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it has not diverged"),
            Err(error) => break error,
        }
    };
    assert!(matches!(train_error(error), TrainError::Diverged { .. }));
}
