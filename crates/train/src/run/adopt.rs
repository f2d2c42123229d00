//! The model that a run starts from: what the run takes from it, and what the run does in another way than it was trained.

use crate::config::declare::FromModel;
use crate::config::{Config, options};
use crate::error::Result;
use crate::folder::{Folder, read_record};
use crate::watch::{Event, Watch};
use elman_infer::NetworkModel;
use std::path::Path;

/// Takes sizes and vocabulary kind from the model in `path`, and notes what differs from choices that were made.
pub(super) fn adopt(
    config: &mut Config,
    path: &Path,
    watch: &mut dyn Watch,
) -> Result<NetworkModel> {
    let model = NetworkModel::load(path)?;
    let chosen = config.clone();
    config.set_dims(model.dims());
    config.vocab = model.vocab().kind();
    for note in notes(&chosen, config, &model, path) {
        watch.event(&Event::Note(note));
    }
    Ok(model)
}

fn notes(chosen: &Config, config: &Config, model: &NetworkModel, path: &Path) -> Vec<String> {
    let (mut notes, at) = (Vec::new(), path.display());
    let without_effect = without_effect(chosen, config);
    if !without_effect.is_empty() {
        notes.push(format!(
            "the network and its vocabulary are those of {at}, whatever is chosen here: {}",
            without_effect.join(", ")
        ));
    }
    let (trained, here) = (model.layout(), config.layout);
    if trained != here {
        notes.push(format!(
            "{at} was trained with layout {}, and this run reads its text with layout {}; so will evaluation and generation",
            trained.name(),
            here.name()
        ));
    }
    if Folder::is_run(path)
        && let Ok(record) = read_record(path)
        && let Some(token) = &record.config.loss_after
        && config.loss_after.is_none()
    {
        notes.push(format!(
            "{at} learnt only what follows {token:?} in a line, and this run learns every token: set `loss-after` to {token:?} to continue as before"
        ));
    }
    notes
}

/// The choices about the network and its vocabulary that were made, by name and value, and that the model overrules.
fn without_effect(chosen: &Config, config: &Config) -> Vec<String> {
    let of_model = options().iter();
    let of_model = of_model.filter(|option| option.declaration.from_model == FromModel::Taken);
    let notes = of_model.filter_map(|option| {
        let (chosen, taken) = (option.value(chosen)?, option.value(config)?);
        let overruled = chosen != taken && chosen != option.default;
        overruled.then(|| format!("{} = {chosen}", option.name))
    });
    notes.collect()
}
