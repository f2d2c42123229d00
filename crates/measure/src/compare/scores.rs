//! Scoring a text with several models together.
//!
//! Models of one vocabulary are a group: the text is encoded once, and each piece of it goes to all of them, each on its own
//! clock. Two models have the same vocabulary if kind and set of tokens agree; the order of their ids may differ (an ARPA file
//! lists its own), so ids are mapped. Kinds `whitespace` and `fields` are one here, and the text is then cut as `fields` are. For a mixture, models of different vocabularies are a group over the union of them.
//!
//! For each model: the sums of `infer::perplexity`, in the same order and so to the same bit, and the losses by line and by block
//! of tokens (see `units`). Memory does not grow with the text.

use super::MOST_LINES;
use super::mixture::Likelihoods;
use super::named::NamedModel;
use super::units::Units;
use crate::error::Result;
use elman_infer::perplexity::Sums;
use elman_infer::{ModelError, Session, mix};
use elman_text::{self as text, Lost, Placed, ReadOptions, Source, TextStats, Union, Vocab};
use std::time::Instant;

/// Number of tokens that each model scores in one call: n-gram models want long stretches, and progress should not wait for networks too long.
const PIECE: usize = 2048;
/// Most blocks of tokens.
const MOST_BLOCKS: usize = 1_000;

/// Models of one vocabulary.
pub(super) struct Group<'a> {
    /// Which of the comparison's models they are, in order.
    pub members: Vec<usize>,
    models: Vec<&'a NamedModel>,
    /// Vocabulary that encodes the text for all members.
    vocab: Vocab,
    /// For each: its id of every id of `vocab`, none of a token that it lacks; `None` where they are the same.
    maps: Vec<Option<Vec<Option<u32>>>>,
}

/// Scores of a text by the models of a group.
pub(super) struct Scored {
    pub stats: TextStats,
    pub lost: Lost,
    /// Sums of each member, then of the mixture, if there is one.
    pub sums: Vec<Sums>,
    /// Computing time of each member.
    pub seconds: Vec<f64>,
    /// What the characters cost that no token says: those of unknown tokens, and those that decoding does not restore.
    pub spelling_nats: f64,
    /// Counts are tokens; columns are as `sums`.
    pub lines: Units,
    pub blocks: Units,
}

impl Scored {
    /// Counts of the text.
    pub fn found(&self) -> (TextStats, Lost) {
        (self.stats.clone(), self.lost.clone())
    }
}

/// Additional computations while a text is scored.
#[derive(Clone, Copy, Default)]
pub(super) struct Extras<'a> {
    /// Weights of a mixture of the group's members.
    pub weights: Option<&'a [f64]>,
    /// Charge for each unpredicted character, in nats.
    pub char_nats: f64,
    /// The losses of the lines include the spelling of unknown tokens.
    pub spelling_in_lines: bool,
}

/// The groups, in the order of their first members.
pub(super) fn groups(models: &[NamedModel]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for (member, named) in models.iter().enumerate() {
        let found = groups.iter_mut().find_map(|group| {
            let map = id_map(group.vocab(), named.vocab())?;
            Some((group, map))
        });
        let (group, map) = match found {
            Some((group, map)) => {
                if group.vocab.kind() != named.vocab().kind() {
                    group.vocab = group.vocab.as_fields();
                }
                (group, (!is_identity(&map)).then_some(map))
            }
            None => {
                groups.push(Group {
                    members: Vec::new(),
                    models: Vec::new(),
                    vocab: named.vocab().clone(),
                    maps: Vec::new(),
                });
                (groups.last_mut().expect("just pushed"), None)
            }
        };
        group.members.push(member);
        group.models.push(named);
        group.maps.push(map);
    }
    groups
}

/// For each id of `from` the id of the same token in `to`, if the vocabularies are the same but for their order.
fn id_map(from: &Vocab, to: &Vocab) -> Option<Vec<Option<u32>>> {
    if !from.cuts_like(to) || from.len() != to.len() {
        return None;
    }
    let map = from.ids_in(to);
    map.iter().all(Option::is_some).then_some(map)
}

fn is_identity(map: &[Option<u32>]) -> bool {
    (0..).zip(map).all(|(i, &id)| id == Some(i))
}

impl<'a> Group<'a> {
    /// All models together, over the union of their vocabularies. A token that a model lacks has probability 0 in it, and is its
    /// `<unk>` in the history of later ones. `None` if the vocabularies cut a text differently.
    pub fn together(models: &'a [NamedModel]) -> Option<Group<'a>> {
        let vocabs: Vec<&Vocab> = models.iter().map(NamedModel::vocab).collect();
        let Union { vocab, ids } = Union::new(&vocabs)?;
        let maps = ids
            .into_iter()
            .map(|map| (!is_identity(&map)).then_some(map));
        Some(Group {
            members: (0..models.len()).collect(),
            models: models.iter().collect(),
            maps: maps.collect(),
            vocab,
        })
    }

    /// The vocabulary that encodes the text for all members.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// A note if the text has white space at which some of the models would have cut it by themselves.
    pub fn other_spaces(&self, stats: &TextStats) -> Option<String> {
        let kind = self.vocab.kind();
        let mut others = self.models.iter();
        let other = others.find(|named| named.vocab().kind() != kind)?;
        (stats.fields + stats.line_ends != stats.tokens).then(|| {
            format!(
                "the text has white space beside spaces, tabs and line ends, and not all vocabularies part words there: it is read as kind {kind} reads it, so the figures of {} differ from those of `elman eval`",
                other.name
            )
        })
    }

    /// Counts a text's tokens, and how many of them are unknown.
    pub fn count(&self, sources: Vec<Source>, read: &ReadOptions) -> Result<TextStats> {
        text::encode(sources, self.vocab(), read, &mut |_| Ok(()))
    }

    /// Scores a text; `progress` is called with the number of tokens scored so far.
    pub fn score(
        &self,
        sources: Vec<Source>,
        read: &ReadOptions,
        extras: Extras,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Scored> {
        let columns = self.models.len() + usize::from(extras.weights.is_some());
        let mut sums = vec![Sums::default(); columns];
        let mut lines = Units::new(columns, MOST_LINES);
        let mut blocks = Units::new(columns, MOST_BLOCKS);
        let mut spelling_nats = 0.0;
        let mut nats = vec![0.0; columns];
        let (found, seconds) = self.read(sources, read, progress, &mut |token, all| {
            nats.clear();
            nats.extend(all.clone());
            nats.extend(extras.weights.map(|weights| mix(all, weights)));
            let ends_line = self.vocab.ends_line(token.symbol.id);
            for (sums, nats) in sums.iter_mut().zip(&nats) {
                sums.add(*nats, token.symbol.oov, ends_line);
            }
            let spelling = extras.char_nats * token.unknown_chars as f64;
            spelling_nats += spelling;
            let in_lines = if extras.spelling_in_lines {
                spelling
            } else {
                0.0
            };
            if token.begins_line {
                lines.begin();
            }
            lines.add(1.0, nats.iter().map(|nats| nats + in_lines));
            blocks.begin();
            blocks.add(1.0, nats.iter().copied());
            Ok(())
        })?;
        let (stats, lost) = found;
        Ok(Scored {
            sums,
            seconds,
            spelling_nats: spelling_nats + extras.char_nats * lost.chars as f64,
            stats,
            lost,
            lines,
            blocks,
        })
    }

    /// Scores a text to fit weights on.
    pub fn likelihoods(
        &self,
        sources: Vec<Source>,
        read: &ReadOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Likelihoods, TextStats)> {
        let mut likelihoods = Likelihoods::new(self.models.len());
        let ((stats, _), _) = self.read(sources, read, progress, &mut |_, nats| {
            likelihoods.push(nats)
        })?;
        Ok((likelihoods, stats))
    }

    /// Hands each token, with its −ln p in each model, to `visit`, in order; returns what was read and each model's seconds.
    fn read(
        &self,
        sources: Vec<Source>,
        read: &ReadOptions,
        progress: &mut dyn FnMut(u64),
        visit: &mut dyn FnMut(Placed, Nats) -> Result<()>,
    ) -> Result<((TextStats, Lost), Vec<f64>)> {
        let mut together = Together {
            members: self
                .models
                .iter()
                .zip(&self.maps)
                .map(|(named, map)| Member {
                    named,
                    map: map.as_deref(),
                    session: named.model.session(),
                    nats: vec![0.0; PIECE],
                    seconds: 0.0,
                })
                .collect(),
            piece: Vec::with_capacity(PIECE),
            ids: Vec::with_capacity(PIECE),
            own_ids: Vec::with_capacity(PIECE),
            tokens: 0,
        };
        let found = text::encode_placed(sources, self.vocab(), read, &mut |token| -> Result<()> {
            together.piece.push(token);
            if together.piece.len() == PIECE {
                together.read(visit)?;
                progress(together.tokens);
            }
            Ok(())
        })?;
        together.read(visit)?;
        progress(together.tokens);
        let seconds = together.members.iter().map(|member| member.seconds);
        Ok((found, seconds.collect()))
    }
}

/// The losses of one token in all models of a group.
#[derive(Clone)]
pub(super) struct Nats<'a> {
    members: std::slice::Iter<'a, Member<'a>>,
    position: usize,
}

impl Iterator for Nats<'_> {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        Some(self.members.next()?.nats[self.position])
    }
}

/// The models of a group in the middle of a text.
struct Together<'a> {
    members: Vec<Member<'a>>,
    /// Tokens that nobody has read yet.
    piece: Vec<Placed>,
    /// Their ids, of the group and of one member.
    ids: Vec<u32>,
    own_ids: Vec<u32>,
    tokens: u64,
}

struct Member<'a> {
    named: &'a NamedModel,
    map: Option<&'a [Option<u32>]>,
    session: Session,
    nats: Vec<f64>,
    seconds: f64,
}

impl Together<'_> {
    /// Reads the piece and begins the next one.
    fn read(&mut self, visit: &mut dyn FnMut(Placed, Nats) -> Result<()>) -> Result<()> {
        self.ids.clear();
        self.ids
            .extend(self.piece.iter().map(|token| token.symbol.id));
        for member in &mut self.members {
            let ids = match member.map {
                None => &self.ids,
                Some(map) => {
                    self.own_ids.clear();
                    let unk = member.named.vocab().unk();
                    let own = |&id: &u32| {
                        map[id as usize]
                            .or(unk)
                            .expect("a vocabulary that lacks a token has <unk>")
                    };
                    self.own_ids.extend(self.ids.iter().map(own));
                    &self.own_ids
                }
            };
            let started = Instant::now();
            let read = member.session.nats(ids, &mut member.nats[..ids.len()]);
            member.seconds += started.elapsed().as_secs_f64();
            read.map_err(|error| by_name(error, member.named))?;
            if let Some(map) = member.map {
                for (id, nats) in self.ids.iter().zip(&mut member.nats) {
                    if map[*id as usize].is_none() {
                        *nats = f64::INFINITY;
                    }
                }
            }
        }
        for (position, token) in self.piece.iter().enumerate() {
            let members = self.members.iter();
            visit(*token, Nats { members, position })?;
        }
        self.tokens += self.piece.len() as u64;
        self.piece.clear();
        Ok(())
    }
}

/// Says which of the models it was.
fn by_name(error: elman_infer::Error, model: &NamedModel) -> elman_infer::Error {
    match error {
        elman_infer::Error::Model(error) => ModelError::Of {
            name: model.name.clone(),
            error: Box::new(error),
        }
        .into(),
        other => other,
    }
}
