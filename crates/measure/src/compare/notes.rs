//! Notes for the reader of a comparison: what the figures leave out, and what makes them less certain.

use super::conclusion::{AllScores, counted};
use super::few_tokens;
use super::result::{Entry, Unit, UnitOf};
use elman_infer::lost_note;
use std::f64::consts::LN_2;

impl AllScores<'_> {
    pub(super) fn notes(&self, rows: &[Entry], units: Option<&Unit>) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        for named in self.models {
            let name = &named.name;
            notes.extend(
                named
                    .model
                    .notes()
                    .iter()
                    .map(|note| format!("{name}: {note}")),
            );
        }
        notes.extend(self.twice());
        for note in rows.iter().flat_map(|row| &row.evaluation.notes) {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        if self.words.is_some() {
            notes.push("the vocabularies differ: compare per word and per character; perplexities per token are of different things".into());
        }
        if let Some(together) = self.together {
            notes.push(format!(
                "the mixture is over the union of the vocabularies ({} entries): a model gives probability 0 to a token that it lacks",
                together.vocab().len()
            ));
        }
        let all_groups = self.groups.iter().chain(self.together);
        let other_spaces = all_groups.zip(&self.scored);
        notes.extend(other_spaces.filter_map(|(group, scored)| group.other_spaces(&scored.stats)));
        let stats = &self.scored[0].stats;
        if let Some(bits) = self.options.charge_oov_bits {
            notes.push(format!(
                "every character of an unknown token, and every one that decoding does not restore, is charged with {bits} bits ({:.3} nats), in the figures per word and per character",
                bits * LN_2
            ));
        } else if stats.oov > 0 {
            notes.push(format!(
                "{} of {} tokens are outside the vocabulary, which all models share: they are read and predicted as <unk>",
                stats.oov, stats.tokens
            ));
        }
        let lost = lost_note(
            self.scored[0].lost.chars,
            stats.chars,
            self.groups[0].vocab(),
        );
        if let (Some(lost), None) = (lost, self.options.charge_oov_bits) {
            notes.push(format!(
                "{lost}: no model predicts them, and all leave out the same ones"
            ));
        }
        if units.is_some_and(|units| units.of == UnitOf::Tokens) {
            notes.push(format!(
                "the text has only {}: intervals and tests draw blocks of tokens, which understates the uncertainty",
                counted(self.scored[0].lines.len(), "line")
            ));
        }
        if let Some(fitted) = &self.fitted {
            if fitted.text_hash == stats.hash {
                notes.push("the mixture's weights were fitted on the text that it is evaluated on: its figures are optimistic".into());
            }
            notes.extend(few_tokens(fitted.tokens));
            if !fitted.fit.converged {
                notes.push(format!(
                    "the mixture's weights were still improving after {} rounds",
                    fitted.fit.rounds
                ));
            }
        }
        notes
    }

    /// Notes about models that were given twice.
    fn twice(&self) -> Vec<String> {
        let ids: Vec<&str> = self.models.iter().map(|named| named.model.id()).collect();
        let mut notes = Vec::new();
        for (b, id) in ids.iter().enumerate() {
            let Some(a) = ids[..b].iter().position(|other| other == id) else {
                continue;
            };
            let [a, b] = [a, b].map(|m| &self.models[m].name);
            let which = match a == b {
                true => format!("{a} is given twice"),
                false => format!("{a} and {b} are the same model"),
            };
            notes.push(match self.fitted.is_some() {
                true => format!("{which}: a mixture gains nothing from it, and any division of its weight is the same"),
                false => format!("{which}: the two cannot differ"),
            });
        }
        notes
    }
}
