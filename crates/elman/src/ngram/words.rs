use crate::text::Vocab;
#[derive(Clone)]
pub struct Words {
    vocab: Vocab,
}
impl Words {
    pub fn new(vocab: Vocab) -> Words {
        Words { vocab }
    }
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }
    pub fn begin(&self) -> u32 {
        self.vocab.len() as u32
    }
}
