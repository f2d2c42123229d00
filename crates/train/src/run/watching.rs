//! What a run leaves for whoever watches it beside its lines: event files for TensorBoard, and texts that the present weights
//! write. Nothing here touches what decides the next step.

use super::Run;
use crate::config::Config;
use crate::error::Result;
use crate::tensorboard::EventFile;
use crate::watch::{Event, Sample, Watch};
use elman_infer::{Generator, Model, Sampling, Streams, generate};
use elman_kernels::{Cpu, Format};
use elman_net::dims::{Dims, inference_bytes, packed_forward_bytes};
use elman_text::{Layout, Vocab};
use std::ops::ControlFlow;
use std::path::Path;

/// Steps in which a prompt is read: they are few, and so is their memory.
const WINDOW: usize = 1;

impl Run {
    /// The event file of this process, if one is wanted.
    pub(super) fn event_file(&self) -> Result<Option<EventFile>> {
        let Some(directory) = &self.trainer.config.tensorboard else {
            return Ok(None);
        };
        let step = self.trainer.state.progress.step;
        let mut events = EventFile::open(&self.folder.path().join(directory), step)?;
        events.options(step, &self.trainer.config.choices())?;
        Ok(Some(events))
    }

    pub(super) fn sample_due(&self) -> bool {
        let every = self.trainer.config.sample_every;
        every.is_some_and(|every| self.trainer.state.progress.step.is_multiple_of(every))
    }

    /// Lets the present weights write a little. The same at a step however often the run was interrupted: its random
    /// numbers are keyed by the step.
    ///
    /// Errors: hidden states that overflow.
    pub(super) fn sample(&mut self) -> Result<Sample> {
        let prompt = self
            .trainer
            .config
            .sample_prompt
            .clone()
            .unwrap_or_default();
        let ids = self.trainer.vocab.tokenize(prompt.as_bytes())?.ids;
        let options = Sampling {
            seed: self.trainer.config.seed,
            ..Sampling::glimpse(self.trainer.vocab.kind())
        };
        let progress = &self.trainer.state.progress;
        let (step, epoch) = (progress.step, progress.epochs(self.trainer.text.length()));
        let (network, cpu) = self.trainer.engine.view();
        let layout = self.trainer.config.layout;
        let streams = Streams::of_network(network, &self.trainer.vocab, layout, cpu, 1, WINDOW);
        let mut generator = Generator::new(streams, &[ids], options)?;
        let written = generator.sample(step, &mut |_, _| ControlFlow::Continue(()))?;
        let text = written.iter().map(|written| &written.text[..]);
        Ok(Sample {
            step,
            epoch,
            prompt,
            text: String::from_utf8_lossy(&text.collect::<Vec<_>>().concat()).into_owned(),
        })
    }
}

/// What the model that a run has kept writes at its end: a text, or five lines if it is a model of sentences.
///
/// Errors: a model that cannot be loaded, or hidden states that overflow.
pub(super) fn final_sample(run: &Path, config: &Config, cpu: Cpu) -> Result<String> {
    let model = Model::load(run)?.with_cpu(cpu);
    let options = Sampling::glimpse(model.vocab().kind());
    let prompt = config.sample_prompt.as_deref().unwrap_or_default();
    let texts = match model.layout() {
        Layout::Stream => 1,
        Layout::Sentences => 5,
    };
    let ignore = &mut |_: u64, _: &[u8]| ControlFlow::Continue(());
    let written = generate(&model, prompt.as_bytes(), texts, &options, ignore)?.samples;
    let texts = written
        .iter()
        .map(|sample| [prompt.as_bytes(), &sample.text].concat());
    let text = texts.collect::<Vec<_>>().join(&b'\n');
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Tells which symbols of the prompt the vocabulary lacks, before anything is trained.
pub(super) fn note_unknown(config: &Config, vocab: &Vocab, watch: &mut dyn Watch) -> Result<()> {
    let prompt = config.sample_prompt.as_deref().unwrap_or_default();
    for symbol in vocab.tokenize(prompt.as_bytes())?.unknown {
        watch.event(&Event::Note(format!(
            "the vocabulary lacks '{symbol}' of the sample's prompt, which is read as <unk>"
        )));
    }
    Ok(())
}

/// The bytes that a sample takes for a moment: a streams at the prompt and one that continues, each with a window and a state, and five
/// numbers for each entry of the vocabulary: logits of both; counts, scores and weights of the sampler.
pub(super) fn sample_bytes(dims: &Dims) -> u64 {
    let format = Format::F32; // of panels, which are the engine's
    let streams = inference_bytes(dims, format, 0, WINDOW, 1) - packed_forward_bytes(dims, format);
    2 * streams + 5 * 4 * dims.vocab as u64
}
