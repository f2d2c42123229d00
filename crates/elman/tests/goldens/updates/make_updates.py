#!/usr/bin/env python3
"""Golden numbers from PyTorch for every optimiser and schedule: fifty steps on the same gradients.

    python make_updates.py            # writes updates.safetensors beside itself

The parameters are those of a small network by their names in a model file, filled at random; so are the
gradients, which do not depend on the weights. torch.optim and torch.nn.utils do the rest, in f32.
README.md in the folder above describes the file.
"""

import json
import math
import os

import torch
from safetensors.torch import save_file
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, ReduceLROnPlateau

STEPS = 50
# V = 5, E = H = 4: an Elman network of one layer with weights of its own for the output.
SHAPES = {
    "encoder.weight": (5, 4),
    "rnn.weight_ih_l0": (4, 4),
    "rnn.weight_hh_l0": (4, 4),
    "rnn.bias_ih_l0": (4,),
    "decoder.weight": (5, 4),
    "decoder.bias": (5,),
}
GROUPS = {
    "encoder.weight": "embed",
    "rnn.weight_ih_l0": "input",
    "rnn.weight_hh_l0": "recurrent",
    "rnn.bias_ih_l0": "bias",
    "decoder.weight": "output",
    "decoder.bias": "bias",
}

# Settings by the names that they have in elman's configuration.
OPTIMISERS = {
    "sgd": dict(optimizer="sgd", lr=0.1),
    "sgd_decay": dict(optimizer="sgd", lr=0.1, weight_decay=0.1),
    "momentum": dict(optimizer="sgd", lr=0.05, momentum=0.9),
    "nesterov": dict(optimizer="sgd", lr=0.05, momentum=0.9, nesterov=True),
    "nesterov_decay": dict(optimizer="sgd", lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.05),
    "adam": dict(optimizer="adam", lr=0.02),
    "adam_decay": dict(optimizer="adam", lr=0.02, beta1=0.8, beta2=0.99, weight_decay=0.05),
    "adamw": dict(optimizer="adamw", lr=0.02, weight_decay=0.2),
    "rmsprop": dict(optimizer="rmsprop", lr=0.02),
    "rmsprop_decay": dict(optimizer="rmsprop", lr=0.02, rms_alpha=0.9, eps=1e-6, weight_decay=0.05),
    "rmsprop_momentum": dict(optimizer="rmsprop", lr=0.01, momentum=0.9),
    "rmsprop_centered": dict(optimizer="rmsprop", lr=0.02, rms_alpha=0.9, centered=True),
    "rmsprop_all": dict(
        optimizer="rmsprop", lr=0.005, rms_alpha=0.95, centered=True, momentum=0.8, weight_decay=0.05
    ),
    "adagrad": dict(optimizer="adagrad", lr=0.2, eps=1e-10),
    "adagrad_all": dict(
        optimizer="adagrad", lr=0.2, lr_decay=0.05, initial_accumulator=0.1, weight_decay=0.05
    ),
    "averaged": dict(optimizer="sgd", lr=0.1, average_from=12),
    "averaged_decay": dict(optimizer="sgd", lr=0.1, average_from=2, weight_decay=0.1),
    "clip_value": dict(optimizer="sgd", lr=0.1, clip_value=0.4),
    "clip_both": dict(optimizer="adam", lr=0.02, clip_value=0.4, clip=2.0),
    "groups_sgd": dict(
        optimizer="sgd",
        lr=0.1,
        momentum=0.5,
        weight_decay=0.1,
        lr_scale="embed=0.5,output=2,bias=0",
        decay_scale="recurrent=3,bias=0,embed=0",
    ),
    "groups_adamw": dict(
        optimizer="adamw",
        lr=0.02,
        weight_decay=0.2,
        lr_scale="embed=0.5,input=0.25,recurrent=1.5,bias=2",
        decay_scale="bias=0,output=0.5",
    ),
    "accumulated": dict(optimizer="adam", lr=0.02, accumulate=3, clip=1.5, clip_value=0.3),
}
DEFAULTS = dict(
    momentum=0.0,
    nesterov=False,
    beta1=0.9,
    beta2=0.999,
    eps=1e-8,
    rms_alpha=0.99,
    centered=False,
    lr_decay=0.0,
    initial_accumulator=0.0,
    weight_decay=0.0,
    lr_scale="",
    decay_scale="",
    clip=None,
    clip_value=None,
    accumulate=1,
    average_from=None,
)

SCHEDULES = {
    "step": dict(schedule="step", decay_after=2, decay_factor=0.5, per_epoch=10),
    "cosine": dict(schedule="cosine", warmup=0, final_lr=0.1),
    "plateau": dict(schedule="plateau", decay_factor=0.5, plateau_patience=0, plateau_threshold=0.0, final_lr=0.0),
    "plateau_patient": dict(
        schedule="plateau", decay_factor=0.1, plateau_patience=2, plateau_threshold=0.05, final_lr=0.0
    ),
    "plateau_floor": dict(
        schedule="plateau", decay_factor=0.5, plateau_patience=0, plateau_threshold=1e-4, final_lr=0.2
    ),
    "one_cycle": dict(schedule="one-cycle", cycle_start=0.3, cycle_div=25.0, cycle_final_div=1e4),
    "one_cycle_early": dict(schedule="one-cycle", cycle_start=0.13, cycle_div=10.0, cycle_final_div=50.0),
    "inverse_sqrt": dict(schedule="inverse-sqrt", warmup=12),
}
FULL_RATE = 0.3


def main():
    torch.set_num_threads(1)
    random = torch.Generator().manual_seed(20)
    draw = lambda count: torch.rand(count, generator=random) * 2 - 1
    initial = {name: draw(shape) for name, shape in SHAPES.items()}
    # Larger and smaller ones, and elements that have none for a while.
    gradients = {
        name: torch.stack(
            [draw(shape) * (0.2 + step % 7 / 4) * (draw(shape) > -0.7) for step in range(STEPS)]
        )
        for name, shape in SHAPES.items()
    }
    # Validation losses that fall, stand still and rise.
    losses = [4 + math.cos(step / 3) + 3 / (1 + step / 5) + 0.01 * (step % 3) for step in range(STEPS)]

    tensors = {"losses": torch.tensor(losses, dtype=torch.float64)}
    for name in SHAPES:
        tensors[f"initial/{name}"] = initial[name]
        tensors[f"gradient/{name}"] = gradients[name]
    for case, given in OPTIMISERS.items():
        for name, values in train(dict(DEFAULTS, **given), initial, gradients).items():
            tensors[f"{case}/{name}"] = values
    for case, settings in SCHEDULES.items():
        tensors[f"rates/{case}"] = torch.tensor(rates(settings, losses), dtype=torch.float64)
    metadata = dict(
        optimisers={case: dict(DEFAULTS, **given) for case, given in OPTIMISERS.items()},
        schedules=SCHEDULES,
        full_rate=FULL_RATE,
        steps=STEPS,
        torch=torch.__version__,
    )
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "updates.safetensors")
    save_file(tensors, path, metadata={"updates": json.dumps(metadata, sort_keys=True)})
    print(f"{len(OPTIMISERS)} optimisers, {len(SCHEDULES)} schedules, {os.path.getsize(path)} bytes")


def train(case, initial, gradients):
    """The weights after every tenth update; with an average, that of the weights too."""
    parameters = {name: torch.nn.Parameter(values.clone()) for name, values in initial.items()}
    optimizer = make_optimizer(case, parameters)
    found = {name: [] for name in parameters}
    means = {f"average/{name}": [] for name in parameters if case["average_from"]}
    updates = STEPS // case["accumulate"]
    for update in range(updates):
        optimizer.zero_grad()
        for window in range(case["accumulate"]):
            for name, parameter in parameters.items():
                gradient = gradients[name][update * case["accumulate"] + window]
                # The loss of an update is the mean of its windows' losses.
                loss = (parameter * gradient).sum() / case["accumulate"]
                loss.backward()
        if case["clip_value"]:
            torch.nn.utils.clip_grad_value_(parameters.values(), case["clip_value"])
        if case["clip"]:
            torch.nn.utils.clip_grad_norm_(parameters.values(), case["clip"])
        optimizer.step()
        if (update + 1) % 10 == 0 or update + 1 == updates:
            for name, parameter in parameters.items():
                found[name].append(parameter.detach().clone())
                if means:
                    means[f"average/{name}"].append(optimizer.state[parameter]["ax"].clone())
    return {name: torch.stack(values) for name, values in (found | means).items()}


def make_optimizer(case, parameters):
    scale = lambda text, group: dict(
        (name, float(factor)) for name, factor in (part.split("=") for part in text.split(",") if part)
    ).get(group, 1.0)
    groups = [
        dict(
            params=[parameter],
            lr=case["lr"] * scale(case["lr_scale"], GROUPS[name]),
            weight_decay=case["weight_decay"] * scale(case["decay_scale"], GROUPS[name]),
        )
        for name, parameter in parameters.items()
    ]
    if case["average_from"]:
        # Its average takes the weights of update t0 + 2 as they are, and moves from there on.
        return torch.optim.ASGD(groups, lr=case["lr"], lambd=0.0, alpha=1.0, t0=case["average_from"] - 2)
    betas = (case["beta1"], case["beta2"])
    match case["optimizer"]:
        case "sgd":
            return torch.optim.SGD(groups, momentum=case["momentum"], nesterov=case["nesterov"])
        case "adam":
            return torch.optim.Adam(groups, betas=betas, eps=case["eps"])
        case "adamw":
            return torch.optim.AdamW(groups, betas=betas, eps=case["eps"])
        case "rmsprop":
            return torch.optim.RMSprop(
                groups,
                alpha=case["rms_alpha"],
                eps=case["eps"],
                momentum=case["momentum"],
                centered=case["centered"],
            )
        case "adagrad":
            return torch.optim.Adagrad(
                groups,
                lr_decay=case["lr_decay"],
                eps=case["eps"],
                initial_accumulator_value=case["initial_accumulator"],
            )


def rates(case, losses):
    """The learning rate of each step; before all but the first there is a validation."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=FULL_RATE)
    plateau = case["schedule"] == "plateau"
    match case["schedule"]:
        case "step":
            factor = lambda step: case["decay_factor"] ** max(
                0, step // case["per_epoch"] + 1 - case["decay_after"]
            )
            schedule = LambdaLR(optimizer, factor)
        case "cosine":
            least = FULL_RATE * case["final_lr"]
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS, eta_min=least)
        case "plateau":
            schedule = ReduceLROnPlateau(
                optimizer,
                factor=case["decay_factor"],
                patience=case["plateau_patience"],
                threshold=case["plateau_threshold"],
                min_lr=FULL_RATE * case["final_lr"],
                eps=0,
            )
        case "one-cycle":
            schedule = OneCycleLR(
                optimizer,
                max_lr=FULL_RATE,
                total_steps=STEPS,
                pct_start=case["cycle_start"],
                div_factor=case["cycle_div"],
                final_div_factor=case["cycle_final_div"],
                cycle_momentum=False,
            )
        case "inverse-sqrt":
            # Vaswani et al. (2017), equation 3, with the full rate at the end of the warm-up.
            top = case["warmup"] ** -0.5
            schedule = LambdaLR(
                optimizer,
                lambda step: min((step + 1) ** -0.5, (step + 1) * case["warmup"] ** -1.5) / top,
            )
    found = []
    for step in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < STEPS:
            schedule.step(losses[step]) if plateau else schedule.step()
    return found


if __name__ == "__main__":
    main()
