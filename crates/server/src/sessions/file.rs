//! A session on disk: JSON with the state and the marks, each as an answer would have it.
//!
//! ```json
//! {"format": 1, "model": "kjv", "state": "RUxTVA…", "marks": ["RUxTVA…"]}
//! ```
//! Each state is authenticated by the server's key and bound to its model, so a file that was changed, or belongs to another model, is refused.
//! The file is replaced as a whole or not at all, and only its owner may read it. The last tokens and the snapshots between them are not saved: after
//! `restore` a session can be rewound to its marks, to its beginning, and to positions after the restored one.

use super::{History, Named, SessionError, SessionName};
use crate::state::{StateKey, TextState};
use elman_infer::Model;
use elman_store::StoreError;
use serde::{Deserialize, Serialize};
use std::path::Path;

const FORMAT: u32 = 1;
/// Largest file that is read.
const MOST_BYTES: u64 = 1 << 30;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDisk {
    format: u32,
    model: String,
    state: String,
    marks: Vec<String>,
}

pub(super) fn write(path: &Path, key: &StateKey, session: &mut Named) -> Result<(), StoreError> {
    let (head, marks) = session.history.parts();
    let on_disk = OnDisk {
        format: FORMAT,
        model: session.model.clone(),
        state: key.seal(head),
        marks: marks.values_mut().map(|mark| key.seal(mark)).collect(),
    };
    let text = serde_json::to_vec(&on_disk)
        .map_err(|error| StoreError::io(path, "write", error.into()))?;
    elman_store::disk::write_private(path, &text)
}

pub(super) fn read(
    path: &Path,
    name: &SessionName,
    key: &StateKey,
    model: impl Fn(&str) -> Option<Model>,
) -> Result<Named, SessionError> {
    let damaged = |reason: String| SessionError::Damaged {
        name: name.to_string(),
        reason,
    };
    let text = elman_store::disk::read_text(path, MOST_BYTES)?;
    let on_disk: OnDisk =
        serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    if on_disk.format != FORMAT {
        return Err(damaged(format!(
            "it has format {}, and this server knows format {FORMAT}",
            on_disk.format
        )));
    }
    if on_disk.marks.len() > super::MOST_MARKS {
        return Err(damaged("it has too many marks".to_owned()));
    }
    let Some(found) = model(&on_disk.model) else {
        return Err(SessionError::NoModel {
            name: name.to_string(),
            model: on_disk.model,
        });
    };
    let open = |state: &String| key.open(&found, &on_disk.model, state);
    let head = open(&on_disk.state)?;
    let marks: Vec<TextState> = on_disk.marks.iter().map(open).collect::<Result<_, _>>()?;
    if marks.iter().any(|mark| mark.position > head.position) {
        return Err(damaged("a mark lies after its end".to_owned()));
    }
    Ok(Named {
        history: History::restored(head, marks),
        model: on_disk.model,
        changed: false,
    })
}
