"""A recurrent language model of elman for Hugging Face Transformers (pip install torch transformers).

    from transformers import AutoModelForCausalLM, AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(DIR)
    model = AutoModelForCausalLM.from_pretrained(DIR, trust_remote_code=True)
    ids = tokenizer("In the beginning", return_tensors="pt").input_ids
    print(tokenizer.decode(model.generate(ids, do_sample=False, max_new_tokens=20)[0]))

DIR is what `elman export --to transformers` wrote. Where a text begins, the model reads `<eos>` (`bos_token`) from the zero
state, as elman does: ids that do not begin with it are read as if they did. The cache is the state of the recurrent layers.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.generation import utils as generation
from transformers.utils import ModelOutput

from elman_torch import Stack, add_layers  # the exported file has these classes in this place


# What generation calls the state from step to step: it changed in version 5.
CACHE = "cache" if "cache" in getattr(generation, "ALL_CACHE_NAMES", ()) else "past_key_values"


class ElmanConfig(PretrainedConfig):
    """The sizes of a network, as config.json holds them."""

    model_type = "elman"
    attribute_map = {"num_hidden_layers": "num_layers"}

    def __init__(
        self,
        vocab_size=2,
        embedding_size=1,
        hidden_size=1,
        num_layers=1,
        cell="lstm",
        activation=None,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.embedding_size = embedding_size
        self.hidden_size = hidden_size  # a list where the layers differ
        self.num_layers = num_layers
        self.cell = cell
        self.activation = activation
        self.use_cache = kwargs.pop("use_cache", True)
        super().__init__(
            tie_word_embeddings=tie_word_embeddings, bos_token_id=bos_token_id, eos_token_id=eos_token_id, **kwargs
        )
        # Some versions keep these for models of their own only.
        self.tie_word_embeddings, self.bos_token_id, self.eos_token_id = tie_word_embeddings, bos_token_id, eos_token_id


@dataclass
class ElmanOutput(ModelOutput):
    """`state`, also called `past_key_values`, is that after the last token: a tensor (layers, B, H), or tuples of such."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    state: tuple | torch.Tensor | None = None

    @property
    def past_key_values(self):
        return self.state


class ElmanForCausalLM(PreTrainedModel, GenerationMixin):
    """Embedding, recurrent layers, output layer with bias."""

    config_class = ElmanConfig
    main_input_name = "input_ids"
    base_model_prefix = ""
    _is_stateful = True
    _tied_weights_keys = {"decoder.weight": "encoder.weight"}

    def __init__(self, config):
        super().__init__(config)
        names = ("vocab_size", "embedding_size", "hidden_size", "num_layers", "cell", "activation", "tie_word_embeddings")
        add_layers(self, {name: getattr(config, name) for name in names})
        self.post_init()

    def _init_weights(self, module):
        """Leaves the weights as PyTorch initialises them: a model is loaded or continues to be trained."""

    def get_input_embeddings(self):
        return self.encoder

    def set_input_embeddings(self, embedding):
        self.encoder = embedding

    def get_output_embeddings(self):
        return self.decoder

    def set_output_embeddings(self, layer):
        self.decoder = layer

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        state=None,
        labels=None,
        use_cache=None,
        return_dict=None,
        logits_to_keep=0,
        past_key_values=None,
        cache=None,
        **kwargs,
    ):
        """Token ids (B, T) -> logits (B, T, V) of the token after each, and the state for the next call.

        attention_mask (B, T, or longer with the past in front): tokens with 0 are not read, wherever they are. At their
        positions the logits are those after the last token before them, and the state passes them unchanged.
        state (past_key_values, cache): what an earlier call returned as `state`; without it a text begins.
        labels (B, T): compared with the logits of the position before, as in all causal models; -100 carries no loss.
        """
        state = next((given for given in (state, past_key_values, cache) if given is not None), None)
        steps = input_ids.shape[1]
        read = None
        if attention_mask is not None and not attention_mask[:, -steps:].bool().all():
            read = attention_mask[:, -steps:].bool()
            input_ids = input_ids.masked_fill(~read, self.config.bos_token_id)
        if state is None:
            state = self.beginning(input_ids, read)
        hidden, state = self.run(self.encoder(input_ids), state, read)
        if isinstance(logits_to_keep, torch.Tensor):
            hidden = hidden[:, logits_to_keep]
        elif logits_to_keep:
            hidden = hidden[:, -logits_to_keep:]
        logits = self.decoder(self.projection(hidden))
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size, **kwargs)
        use_cache = self.config.use_cache if use_cache is None else use_cache
        output = ElmanOutput(loss=loss, logits=logits, state=state if use_cache else None)
        return output.to_tuple() if return_dict is False else output

    def beginning(self, input_ids, read=None):
        """The state before a text: zeros where the ids begin with <eos>, else the state after <eos>."""
        bos = self.config.bos_token_id
        tokens = torch.full_like(input_ids[:, 0], bos)
        _, begun = self.rnn(self.encoder(tokens)[None])
        first = input_ids[:, 0]
        if read is not None:
            first = input_ids.gather(1, read.int().argmax(1, keepdim=True))[:, 0]
        return mapped(lambda h: torch.where((first == bos)[:, None], torch.zeros_like(h), h), begun)

    def run(self, embedded, state, read=None):
        """Embeddings (B, T, E), a state, which tokens are read (None: all) -> hidden states (B, T, H), the next state."""
        if read is None:
            hidden, state = self.rnn(embedded.transpose(0, 1), state)
            return hidden.transpose(0, 1), state
        # The tokens that are read, moved to the left, in blocks of steps in which the same sequences have tokens.
        order = torch.argsort(~read, dim=1, stable=True)
        xs = embedded.gather(1, order[..., None].expand_as(embedded)).transpose(0, 1)
        count = read.long().cumsum(1)
        lengths = count[:, -1]
        top = state[-1] if isinstance(self.rnn, Stack) else state
        top = (top[0] if isinstance(top, tuple) else top)[-1:]
        blocks, begin = [top], 0
        for end in lengths.unique().tolist():
            if end == begin:
                continue
            rows = (lengths >= end).nonzero()[:, 0]
            hidden, after = self.rnn(xs[begin:end, rows], mapped(lambda h: h.index_select(1, rows), state))
            state = mapped(lambda h, new: h.index_copy(1, rows, new), state, after)
            block = top.new_zeros(end - begin, *top.shape[1:])
            blocks.append(block.index_copy(1, rows, hidden))
            begin = end
        hidden = torch.cat(blocks).transpose(0, 1)  # (B, 1 + tokens, H)
        return hidden.gather(1, count[..., None].expand(-1, -1, hidden.shape[-1])), state

    # Generation: the state is handed from step to step, and only new tokens are read.

    @classmethod
    def _supports_default_dynamic_cache(cls):
        return False

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **kwargs):
        state = kwargs.get(CACHE)
        inputs = {"input_ids": input_ids if state is None else input_ids[:, -1:], "attention_mask": attention_mask}
        names = [name for name in ("use_cache", "logits_to_keep") if kwargs.get(name) is not None]
        return inputs | {"state": state} | {name: kwargs[name] for name in names}

    def _update_model_kwargs_for_generation(self, outputs, model_kwargs, *args, **kwargs):
        model_kwargs = super()._update_model_kwargs_for_generation(outputs, model_kwargs, *args, **kwargs)
        if outputs.state is not None:
            model_kwargs[CACHE] = outputs.state
        return model_kwargs

    def _reorder_cache(self, state, beams):
        return mapped(lambda h: h.index_select(1, beams), state)


def mapped(function, *states):
    """Applies `function` to the tensors of states, whatever their cell."""
    if isinstance(states[0], (tuple, list)):
        return tuple(mapped(function, *parts) for parts in zip(*states))
    return function(*states)
