//! Training in bf16 goes where training in f32 would go.

use super::small::random_window;
use elman::net::Params;
use elman::net::dims::{Activation, Capacity, Cell, Dims, TrainingBuffers};
use elman::net::init::Init;
use elman::text::Window;
use elman::train::Config;
use elman::train::bptt::{Engine, LossNorm};
use elman_kernels::rng::{Site, Stream, key};
use elman_kernels::{Cpu, Format, Isa};

const STEPS: usize = 20;
const BATCH_SIZE: usize = 16;

/// Products of bf16 change the direction of the gradient by less than the noise of a mini-batch: the
/// cosine with the f32 gradient is at least 0.999 over all parameters, and over each tensor 0.995.
#[test]
fn gradients_in_bf16_point_where_those_in_f32_do() {
    for cell in [
        Cell::elman(Activation::Tanh),
        Cell::elman(Activation::Relu),
        Cell::LSTM,
        Cell::GRU,
    ] {
        let dims = Dims {
            cell,
            vocab: 300,
            embed: 96,
            hidden: vec![96; 2],
            tied: false,
        };
        let mut draw = Stream::new(key(3, Site::Init, 0));
        let window = random_window(dims.vocab, STEPS, BATCH_SIZE, &mut draw);
        let in_f32 = gradient(&dims, &window, Format::F32);
        let in_bf16 = gradient(&dims, &window, Format::Bf16);
        let mut sums = [0.0; 3];
        for (id, tensor) in in_f32.layout().tensors() {
            let (a, b) = (&in_f32[id], &in_bf16[id]);
            assert!(a != b, "{cell}, {}: bf16 rounds nothing", tensor.name);
            let own = [dot(a, b), dot(a, a), dot(b, b)];
            let cosine = cosine(own);
            assert!(cosine >= 0.995, "{cell}, {}: {cosine}", tensor.name);
            sums = std::array::from_fn(|i| sums[i] + own[i]);
        }
        println!("{cell}: cosine {:.6}", cosine(sums));
        assert!(cosine(sums) >= 0.999, "{cell}: {}", cosine(sums));
    }
}

fn gradient(dims: &Dims, window: &Window, format: Format) -> Params {
    let cpu = Cpu::new(Isa::detect(), 2);
    let mut engine = Engine::new(
        cpu,
        dims.clone(),
        Capacity::whole(STEPS, BATCH_SIZE),
        TrainingBuffers::default(),
        format,
    );
    let init = Init {
        range: Some(1.0 / (dims.top() as f32).sqrt()),
        ..Config::default().init()
    };
    init.fill(dims, engine.params_mut());
    let mut state = engine.zero_state();
    engine.run_window(window, LossNorm::Tokens, None, &mut state);
    engine.grads().clone()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
    products.sum()
}

/// Of a·b, a·a and b·b.
fn cosine([ab, aa, bb]: [f64; 3]) -> f64 {
    ab / (aa * bb).sqrt()
}
