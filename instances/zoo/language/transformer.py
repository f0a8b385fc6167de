"""A request to a language model: prompt in one pass, then a token a pass, over a chain of blocks.

What an execution of a block costs, with `tokens` new ones that attend `context` positions:

- FLOP: 2 for each multiply-accumulate of the matrices, and 4 x query width for each position that
  a token attends, itself included (a prompt is causal: its p tokens attend p (p + 1) / 2).
- Traffic in memory: the weights that are touched, keys and values that are read (those of the
  context) and written (those of the new tokens).
- Tensor: `width` values of 16 bits for every new token.

Of several decode executions in one pass the context is their mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from splitfog.instances.records import Layer, Model, Pass
from splitfog.instances.zoo.language.decoder import Decoder

ACTIVATION_BYTES = 2
TOKEN_BYTES = 4
VECTOR_BITS = 16
"""Least bits of norms and biases, which are not quantised."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a model, and how it is run; counts are >= 1, bits > 0.

    Attributes
    ----------
    prompt, new_tokens
        Tokens that are read and made; the prefill makes the first, every decode execution another.
    batch
        Sequences at once.
    context
        Tokens for which keys and values have room.
    weight_bits
        Of an entry of a matrix, its share of a group's scales counted.
    kv_bits
        Of a value of the keys and values.
    decode_passes
        Passes over which the decode executions are spread.
    from_last
        Whether the last node sends a new token straight to the first.
    """

    prompt: int
    new_tokens: int
    batch: int
    context: int
    weight_bits: float
    kv_bits: float
    decode_passes: int
    from_last: bool


@dataclass(frozen=True)
class Step:
    """A pass: each of its executions has `tokens` new ones a sequence, after `before` others."""

    name: str
    count: int
    tokens: int
    before: float

    @property
    def context(self) -> float:
        """Positions that the last new token attends."""
        return self.before + self.tokens

    @property
    def attended(self) -> float:
        """Positions that all new tokens attend, together."""
        return self.tokens * (self.before + (self.tokens + 1) / 2)


@dataclass(frozen=True)
class RequestModel:
    """The chain of a request: token, embedding, blocks, head and, with `from_last`, `next`."""

    decoder: Decoder
    request: Request

    def model(self) -> Model:
        """The chain, with a pass for the prompt and one or more for the new tokens."""
        passes = tuple([Pass(name=step.name, count=step.count) for step in self.steps])
        return Model(name=self.decoder.name, layers=tuple(self._layers()), passes=passes)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The passes in order; decode executions are spread evenly, the longer ones first."""
        request = self.request
        steps = [Step("prefill", 1, request.prompt, 0)]
        left, done = request.new_tokens - 1, request.prompt
        parts = min(request.decode_passes, left)
        for part in range(parts):
            count = -(-left // (parts - part))
            name = "decode" if parts == 1 else f"decode-{part + 1}"
            steps.append(Step(name, count, 1, done + (count - 1) / 2))
            done, left = done + count, left - count
        return tuple(steps)

    def _layers(self) -> Iterator[Layer]:
        decoder, from_last = self.decoder, self.request.from_last
        fed = [
            None if from_last and step.before else float(self._sequences(step) * TOKEN_BYTES)
            for step in self.steps
        ]
        yield Layer(name="input", op="input", output_bytes=tuple(fed))
        yield self._embedding("ends" if from_last else None)
        last = "embedding"
        for position in range(decoder.blocks):
            yield self._block(f"block{position}", last)
            last = f"block{position}"
        yield self._head(last)
        if from_last:
            yield Layer(
                name="next",
                op="identity",
                inputs=("head",),
                output_bytes=self._token_bytes,
                group="ends",
            )

    def _embedding(self, group: str | None) -> Layer:
        """A look-up, which reads the rows of its tokens (and of their positions) only."""
        decoder = self.decoder
        rows = (2 if decoder.positions else 1) * decoder.width
        matrix, vector = self._end_parameters(decoder.positions * decoder.width, 0)
        return Layer(
            name="embedding",
            op="embedding",
            inputs=("input",),
            traffic_bytes=tuple(
                [self._bytes(self._sequences(step) * rows, 0) for step in self.steps]
            ),
            weight_bytes=self._bytes(matrix, vector),
            output_bytes=self._hidden_bytes,
            weights="embedding" if decoder.tied else None,
            group=group,
        )

    def _head(self, tensor: str) -> Layer:
        """The last norm and the scores of the vocabulary, of the last token of each sequence."""
        decoder = self.decoder
        return Layer(
            name="head",
            op="linear",
            inputs=(tensor,),
            flops=2.0 * decoder.table * self.request.batch,
            traffic_bytes=self._bytes(decoder.table, decoder.norm),
            weight_bytes=self._bytes(*self._end_parameters(0, decoder.norm)),
            output_bytes=self._token_bytes,
            weights="embedding" if decoder.tied else None,
        )

    def _end_parameters(self, positions: int, norm: int) -> tuple[int, int]:
        """Entries of matrices and vectors of an end; tied ends hold the parameters of both."""
        decoder = self.decoder
        if decoder.tied:
            positions, norm = decoder.positions * decoder.width, decoder.norm
        return decoder.table + positions, norm

    def _block(self, name: str, tensor: str) -> Layer:
        decoder, request = self.decoder, self.request
        kept = request.batch * request.context * self._kv_bytes
        return Layer(
            name=name,
            op="attention",
            inputs=(tensor,),
            flops=tuple([self._flops(step) for step in self.steps]),
            traffic_bytes=tuple([self._traffic(step) for step in self.steps]),
            weight_bytes=self._block_bytes(decoder.experts),
            state_bytes=kept,
            output_bytes=self._hidden_bytes,
        )

    def _flops(self, step: Step) -> float:
        """Of a block."""
        attention = 4 * self.decoder.query_width * step.attended
        return self.request.batch * (2 * self.decoder.macs * step.tokens + attention)

    def _traffic(self, step: Step) -> float:
        """Of a block in its node's memory, in bytes."""
        experts = self.decoder.touched_experts(self._sequences(step))
        cached = self.request.batch * (step.context + step.tokens) * self._kv_bytes
        return self._block_bytes(experts) + cached

    def _block_bytes(self, experts: float) -> float:
        """Weights of a block with so many of its experts."""
        decoder = self.decoder
        matrices = decoder.attention_macs + decoder.router + experts * decoder.expert_macs
        return self._bytes(matrices, decoder.block_vectors)

    @property
    def _token_bytes(self) -> float:
        """A new token of every sequence."""
        return float(self.request.batch * TOKEN_BYTES)

    @property
    def _kv_bytes(self) -> float:
        """Keys and values of a token in a block."""
        return 2 * self.decoder.kv_width * self.request.kv_bits / 8

    @cached_property
    def _hidden_bytes(self) -> tuple[float, ...]:
        """The tensor between blocks in every pass."""
        width = self.decoder.width * ACTIVATION_BYTES
        return tuple([float(self._sequences(step) * width) for step in self.steps])

    def _sequences(self, step: Step) -> int:
        """New tokens of all sequences together."""
        return self.request.batch * step.tokens

    def _bytes(self, matrix: float, vector: float) -> float:
        bits = self.request.weight_bits
        return (matrix * bits + vector * max(bits, VECTOR_BITS)) / 8
