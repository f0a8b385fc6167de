"""The shape of a decoder-only language model, and what can be counted from it alone.

A block is attention and a feed-forward part, each after a norm. Counts are exact: they equal the
totals that the models' authors publish.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """A decoder-only transformer.

    Attributes
    ----------
    blocks, width
        How many blocks there are, and values of a token between them.
    heads, kv_heads, head_width
        Of queries, of keys and values, and values of each.
    hidden
        Width of the feed-forward part, of one expert where there are several.
    vocabulary
        Tokens that the embedding and the head know.
    tied
        Whether the head reads the embedding's table.
    qkv_bias, output_bias, mlp_bias
        Whether these products add a bias.
    qk_norm
        Whether queries and keys have a norm over a head's values.
    gated
        Whether the feed-forward part has three matrices, else two.
    experts, active
        Feed-forward parts of a block, and how many of them a token passes.
    norm_shift
        Whether norms have a shift beside their scale (layer norm, else RMS norm).
    positions
        Rows of a table of learned positions; 0: positions are computed.
    longest
        Most tokens of a request for which the counts hold; None: any.
    """

    name: str
    blocks: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    hidden: int
    vocabulary: int
    tied: bool = False
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False
    gated: bool = True
    experts: int = 1
    active: int = 1
    norm_shift: bool = False
    positions: int = 0
    longest: int | None = None

    @property
    def query_width(self) -> int:
        """Values of a token's queries."""
        return self.heads * self.head_width

    @property
    def kv_width(self) -> int:
        """Values of a token's keys, as many as of its values."""
        return self.kv_heads * self.head_width

    @property
    def attention_macs(self) -> int:
        """Entries of the four matrices of attention: MACs of a token without the context's."""
        return 2 * self.width * (self.query_width + self.kv_width)

    @property
    def expert_macs(self) -> int:
        """Entries of an expert's matrices: MACs of a token in it."""
        return (3 if self.gated else 2) * self.width * self.hidden

    @property
    def router(self) -> int:
        """Entries of the matrix that chooses experts."""
        return self.experts * self.width if self.experts > 1 else 0

    @property
    def macs(self) -> int:
        """MACs of a token in a block, without those with the positions it attends."""
        return self.attention_macs + self.router + self.active * self.expert_macs

    @property
    def block_vectors(self) -> int:
        """Parameters of a block that are no matrices: two norms, biases, norms within heads."""
        attention = self.qkv_bias * (self.query_width + 2 * self.kv_width)
        attention += self.output_bias * self.width + self.qk_norm * 2 * self.head_width
        expert = self.mlp_bias * ((2 if self.gated else 1) * self.hidden + self.width)
        return 2 * self.norm + attention + self.experts * expert

    @property
    def norm(self) -> int:
        """Parameters of a norm over a token's values."""
        return (2 if self.norm_shift else 1) * self.width

    @property
    def table(self) -> int:
        """Entries of the embedding's table, as many as of the head's."""
        return self.vocabulary * self.width

    @property
    def block_parameters(self) -> int:
        """Parameters of a block, all experts."""
        matrices = self.attention_macs + self.router + self.experts * self.expert_macs
        return matrices + self.block_vectors

    @property
    def parameters(self) -> int:
        """Parameters of the whole model, a tied table once."""
        tables = (1 if self.tied else 2) * self.table + self.positions * self.width
        return tables + self.blocks * self.block_parameters + self.norm

    @property
    def active_parameters(self) -> int:
        """Parameters that a token passes: all but the experts that are not active."""
        idle = (self.experts - self.active) * self.expert_macs
        return self.parameters - self.blocks * idle

    def touched_experts(self, tokens: float) -> float:
        """Experts of a block that so many tokens pass, expected where each chooses evenly."""
        missed: float = (1 - self.active / self.experts) ** tokens
        return self.experts * (1 - missed)

    def kv_bytes(self, bits: float = 16) -> float:
        """Bytes of one token's keys and values in all blocks."""
        return self.blocks * 2 * self.kv_width * bits / 8
