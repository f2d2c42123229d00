use super::*;
use crate::testing::{CELLS, cpu, model, tokens};
use crate::{Model, Session, Workspace};

#[test]
fn a_model_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<NetworkModel>();
    shared::<Model>();
    shared::<Session>();
    shared::<State>();
}

#[test]
fn steps_windows_and_company_give_the_same_bits() {
    for cell in CELLS {
        let model = model(cell, false);
        let (cpu, v) = (cpu(), model.vocab().len());
        let (steps, batch_size) = (13, 5);
        let text = tokens(v, steps * batch_size);

        let mut together = model.zero_state(batch_size);
        let mut wide = Workspace::new(model.dims(), steps, batch_size);
        model.view().advance(&cpu, &text, &mut together, &mut wide);
        let mut expected = vec![0.0; batch_size * v];
        model.view().next_log_probs(&cpu, &wide, &mut expected);

        for sequence in 0..batch_size {
            let own: Vec<u32> = (0..steps)
                .map(|t| text[t * batch_size + sequence])
                .collect();
            for window in [1, 4, steps] {
                let mut state = model.zero_state(1);
                let mut workspace = Workspace::new(model.dims(), window, 1);
                model.view().advance(&cpu, &own, &mut state, &mut workspace);
                let mut out = vec![0.0; v];
                model.view().next_log_probs(&cpu, &workspace, &mut out);
                assert_eq!(
                    out,
                    expected[sequence * v..][..v],
                    "{cell}, sequence {sequence}, window {window}"
                );
                let hidden = model.dims().hidden[1];
                let h = &together.layers[1].h[sequence * hidden..][..hidden];
                assert_eq!(state.layers[1].h, h);
            }
        }
    }
}

#[test]
fn probabilities_sum_to_one_and_agree_with_logits_and_losses() {
    for cell in CELLS {
        let model = model(cell, true);
        let (cpu, v) = (cpu(), model.vocab().len());
        let text = tokens(v, 9);
        let mut workspace = Workspace::new(model.dims(), 4, 1);
        let mut state = model.zero_state(1);
        for pair in text.windows(2) {
            let (mut log_probs, mut logits, mut nats) = (vec![0.0; v], vec![0.0; v], [0.0]);
            let mut again = state.clone();
            model.view().score(
                &cpu,
                &pair[..1],
                &pair[1..],
                &mut again,
                &mut workspace,
                &mut nats,
                None,
            );
            model
                .view()
                .advance(&cpu, &pair[..1], &mut state, &mut workspace);
            assert_eq!(state, again);
            model
                .view()
                .next_log_probs(&cpu, &workspace, &mut log_probs);
            let view = model.view();
            view.state_logits(&cpu, &state, &mut workspace, &mut logits);
            let sum: f64 = log_probs.iter().map(|&x| f64::from(x).exp()).sum();
            assert!(
                (sum - 1.0).abs() < 1e-6,
                "{cell}: the probabilities sum to {sum}"
            );
            let target = pair[1] as usize;
            assert!((nats[0] + f64::from(log_probs[target])).abs() < 1e-5);
            let shift = logits[0] - log_probs[0];
            assert!(
                logits
                    .iter()
                    .zip(&log_probs)
                    .all(|(z, p)| (z - p - shift).abs() < 1e-5)
            );
        }
    }
}
