//! The gradient of all parameters, added up over the windows of an update.
//!
//! Nothing is cleared between updates: what is added to a tensor first takes the place of what the last
//! update left there. A matrix would otherwise be written once more, and read by a product that could
//! have begun at zero.

use super::params::{ParamLayout, Params, TensorId, add};
use elman_kernels::Init;
use std::sync::Arc;

/// Gradient accumulator: the gradients of all parameters, summed over the windows of an update.
pub struct Gradients {
    values: Params,
    /// Of each tensor: nothing has been added since the last update, and what it holds does not count.
    outdated: Vec<bool>,
}

impl Gradients {
    /// Makes an accumulator that holds zeros.
    pub fn zeros(layout: Arc<ParamLayout>) -> Gradients {
        Gradients {
            outdated: vec![false; layout.tensors().count()],
            values: Params::zeros(layout),
        }
    }

    /// Accumulated gradients.
    ///
    /// After [`Gradients::begin_anew`] they are those of the previous update until the next backward pass.
    pub fn values(&self) -> &Params {
        &self.values
    }

    /// A matrix to which a product is to be added, and what that begins with.
    pub(crate) fn matrix(&mut self, id: TensorId) -> (Init<'static>, &mut [f32]) {
        (self.init(id), &mut self.values[id])
    }

    /// The same, and the bias beside it, to which anything may be added.
    pub(crate) fn matrix_and_bias(
        &mut self,
        matrix: TensorId,
        bias: TensorId,
    ) -> (Init<'static>, [&mut [f32]; 2]) {
        let init = self.init(matrix);
        self.sums(bias);
        (init, self.values.pair_mut(matrix, bias))
    }

    /// A tensor to which anything may be added.
    pub(crate) fn sums(&mut self, id: TensorId) -> &mut [f32] {
        if let Init::Zero = self.init(id) {
            self.values[id].fill(0.0);
        }
        &mut self.values[id]
    }

    fn init(&mut self, id: TensorId) -> Init<'static> {
        match std::mem::take(&mut self.outdated[id.index()]) {
            true => Init::Zero,
            false => Init::Accumulate,
        }
    }

    /// Adds `other`, which has the same layout.
    pub fn add(&mut self, other: &Params) {
        for (id, _) in other.layout().tensors() {
            add(self.sums(id), &other[id]);
        }
    }

    /// Exchanges the accumulated gradients for `other`, which has the same layout, and begins those of the next update.
    pub fn swap(&mut self, other: &mut Params) {
        std::mem::swap(self.settled(), other);
        self.begin_anew();
    }

    /// Accumulated gradients; a tensor to which nothing was added is zero.
    pub fn settled(&mut self) -> &mut Params {
        let layout = self.values.layout().clone();
        for (id, _) in layout.tensors() {
            self.sums(id);
        }
        &mut self.values
    }

    /// Begins the next update: the next gradient of a tensor replaces the accumulated one.
    pub fn begin_anew(&mut self) {
        self.outdated.fill(true);
    }

    /// Begins the next update for one tensor whose gradient is zero except for these rows of `width` numbers.
    ///
    /// The rows are set to zero, and the next gradients are added to them.
    pub fn begin_rows_anew(&mut self, id: TensorId, width: usize, rows: &[u32]) {
        for row in rows.iter().map(|row| *row as usize) {
            self.values[id][row * width..(row + 1) * width].fill(0.0);
        }
        self.outdated[id.index()] = false;
    }
}
