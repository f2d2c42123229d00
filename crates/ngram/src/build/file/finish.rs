//! The last passes: links into the file, then its id and checksums.

use super::super::super::binary;
use super::super::super::count::Memory;
use super::super::super::parallel;
use super::Image;
use super::links::Links;
use elman_store::StoreError;
use std::ops::Range;

/// Bytes of the file that are read at once.
const BUFFER: usize = 1 << 20;

/// Completes the file, which begins with `head`.
pub fn write(
    image: &Image<'_>,
    links: Links,
    mut head: Vec<u8>,
    memory: &Memory,
) -> Result<(), StoreError> {
    let begin = Vec::new;
    let set = |numbers: &mut Vec<u32>, stretch| set_links(image, &links, stretch, numbers);
    parallel::tasks(memory.threads, links.stretches.len(), begin, set)?;
    drop(links);
    let ((id, mut sums, mut first), synced) = std::thread::scope(|scope| {
        // The disk writes while the file is read again.
        let syncing = scope.spawn(|| image.file.sync_data());
        let found = hash(image);
        let synced = syncing.join();
        let synced = synced.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((found?, synced))
    })?;
    synced.map_err(|error| image.error(error))?;
    binary::set_id(&mut head, id);
    image.write(0, &head)?;
    // Its id is in the first piece.
    binary::set_id(&mut first, id);
    sums[0] = crc32fast::hash(&first);
    let sums: Vec<u8> = sums.into_iter().flat_map(u32::to_le_bytes).collect();
    image.write(image.layout.end(), &sums)
}

/// The id of a file, the CRCs of its pieces, and the first piece.
type Hashed = ([u8; 32], Vec<u32>, Vec<u8>);

/// Reads the file from its beginning to its end.
fn hash(image: &Image<'_>) -> Result<Hashed, StoreError> {
    let mut sums = Vec::new();
    let mut id = binary::IdHasher::new();
    let mut piece = vec![0; binary::SUMMED_BYTES];
    let mut first = Vec::new();
    for at in (0..image.layout.end()).step_by(binary::SUMMED_BYTES) {
        piece.truncate(image.layout.end() - at);
        image.read(at, &mut piece)?;
        let sum = || crc32fast::hash(&piece);
        let (sum, ()) = rayon::join(sum, || id.update(at, &piece));
        sums.push(sum);
        if at == 0 {
            first = piece.clone();
        }
    }
    Ok((id.finish(), sums, first))
}

/// Writes the links of a stretch of nodes into their records. `numbers` is memory to work in.
fn set_links(
    image: &Image<'_>,
    links: &Links,
    stretch: usize,
    numbers: &mut Vec<u32>,
) -> Result<(), StoreError> {
    let layout = &image.layout;
    let end = layout.nodes(layout.order()).end;
    let first = (stretch as u32) << links.bits;
    let nodes = first..end.min(first.saturating_add(1 << links.bits));
    numbers.clear();
    numbers.resize(nodes.len(), 0);
    let mut pairs: Vec<[u32; 2]> = Vec::new();
    for range in &links.stretches[stretch] {
        pairs.resize((range.end - range.start) as usize / 8, [0; 2]);
        links
            .scratch
            .read(range.start, bytemuck::cast_slice_mut(&mut pairs))?;
        for &[node, link] in &pairs {
            numbers[(node - first) as usize] = link;
        }
    }
    let [inner, top] = layout.record_bytes();
    let border = layout.top().clamp(nodes.start, nodes.end);
    for (part, bytes) in [(nodes.start..border, inner), (border..nodes.end, top)] {
        set_in_records(image, part, bytes, first, numbers)?;
    }
    Ok(())
}

fn set_in_records(
    image: &Image<'_>,
    nodes: Range<u32>,
    record_bytes: usize,
    first: u32,
    numbers: &[u32],
) -> Result<(), StoreError> {
    let (_, node_bytes) = image.layout.widths();
    let at_once = BUFFER / record_bytes;
    let mut records = Vec::new();
    for start in nodes.clone().step_by(at_once) {
        let count = at_once.min((nodes.end - start) as usize);
        records.resize(count * record_bytes, 0);
        let at = image.layout.record_at(start);
        image.read(at, &mut records)?;
        let links = &numbers[(start - first) as usize..];
        for (record, link) in records.chunks_exact_mut(record_bytes).zip(links) {
            record[record_bytes - node_bytes..].copy_from_slice(&link.to_le_bytes()[..node_bytes]);
        }
        image.write(at, &records)?;
    }
    Ok(())
}
