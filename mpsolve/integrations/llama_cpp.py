"""llama.cpp: type files for ``llama-quantize``, and tables of measured errors."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mpsolve.integrations.assign import (
    CannotExpressError,
    Formats,
    Members,
    anchored,
    assign,
)
from mpsolve.integrations.formats import Format
from mpsolve.integrations.llama_cpp_tables import imatrix_problem, kld_problem

__all__ = ["TYPES", "export", "imatrix_problem", "kld_problem", "tensor_name"]

#: Types that ``--tensor-type`` takes: those of ggml, and of its fork ik_llama.cpp.
TYPES = frozenset(
    """
    f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q3_k q4_k q5_k q6_k
    iq2_xxs iq2_xs iq3_xxs iq1_s iq4_nl iq3_s iq2_s iq4_xs iq1_m tq1_0 tq2_0 mxfp4 nvfp4
    iq2_k iq2_ks iq2_kl iq2_kt iq3_k iq3_ks iq3_kt iq4_k iq4_ks iq4_kss iq4_kt
    iq5_k iq5_ks iq6_k iq1_kt q6_0 q8_kv
    """.split()  # noqa: SIM905 (fifty names are easier to read so)
)

#: Parts of a block, from the names of Hugging Face models to those of GGUF files.
PARTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.qkv_proj": "attn_qkv",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_a_proj": "attn_q_a",
    "self_attn.q_b_proj": "attn_q_b",
    "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa",
    "self_attn.kv_b_proj": "attn_kv_b",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "mlp.gate": "ffn_gate_inp",
    "mlp.experts.gate_proj": "ffn_gate_exps",
    "mlp.experts.up_proj": "ffn_up_exps",
    "mlp.experts.down_proj": "ffn_down_exps",
    "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
    "mlp.shared_expert.up_proj": "ffn_up_shexp",
    "mlp.shared_expert.down_proj": "ffn_down_shexp",
    "mlp.shared_experts.gate_proj": "ffn_gate_shexp",
    "mlp.shared_experts.up_proj": "ffn_up_shexp",
    "mlp.shared_experts.down_proj": "ffn_down_shexp",
}
WHOLE = {
    "embed_tokens": "token_embd",
    "model.embed_tokens": "token_embd",
    "lm_head": "output",
}
BLOCK = re.compile(r"(?:model\.)?(?:language_model\.)?layers\.(\d+)\.(.+)")

#: Integer formats that are a ggml type: bits, group size, symmetric.
INTEGERS = {
    (4, 32, True): "q4_0",
    (4, 32, False): "q4_1",
    (5, 32, True): "q5_0",
    (5, 32, False): "q5_1",
    (8, 32, True): "q8_0",
}


def export(
    layout: Mapping[str, str],
    *,
    formats: Formats | None = None,
    members: Members | None = None,
) -> str:
    r"""Return a ``--tensor-type-file``: a line ``^name$=type`` for each tensor.

    Precisions that are ggml types need no entry in `formats`. A layer that stays as it
    is gets the type that its precision names: ``f32``, ``f16`` or ``bf16``.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer, named as in GGUF files or as in Llama-like models of
        Hugging Face; see `tensor_name`.
    formats : mapping of str to str, optional
        What precisions mean; a ggml type is a meaning.
    members : mapping of str to iterable of str, optional
        See :func:`mpsolve.integrations.export`.

    Returns
    -------
    str

    Raises
    ------
    InvalidLayoutError
        With every layer that has no tensor or no type there.

    Examples
    --------
    >>> print(export({"model.layers.1.mlp.up_proj": "q4_K", "lm_head": "int8g32"}))
    ^blk\.1\.ffn_up\.weight$=q4_k
    ^output\.weight$=q8_0
    """
    formats = {name: _spelled_out(m) for name, m in (formats or {}).items()}
    layout = dict(layout)
    untouched = {"fp32": "f32", "fp16": "f16"}
    for precision in set(layout.values()) & set(untouched):
        formats.setdefault(precision, untouched[precision])
    assigned = assign(layout, "llama.cpp", _type, formats, members, tensor_name, _own)
    return "\n".join(f"{anchored(one.module)}={one.value}" for one in assigned)


def tensor_name(module: str) -> str:
    """Return the name of a module's weight in GGUF files.

    Parameters
    ----------
    module : str
        Already a name of GGUF files, or that of a Llama-like model of Hugging Face.

    Returns
    -------
    str

    Raises
    ------
    CannotExpressError
        If no tensor is known for it; `members` may then name it.

    Examples
    --------
    >>> tensor_name("model.layers.10.self_attn.o_proj"), tensor_name("blk.3.ffn_up")
    ('blk.10.attn_output.weight', 'blk.3.ffn_up.weight')
    """
    name = module.removesuffix(".weight")
    if match := BLOCK.fullmatch(name):
        part = PARTS.get(match[2])
        if part is None and ".experts." in f".{match[2]}":
            msg = (
                "the experts of a block are one tensor there; make them one group, "
                f"'model.layers.{match[1]}.mlp.experts.gate_proj'"
            )
            raise CannotExpressError(msg)
        if part is None:
            msg = f"no tensor is known for {module!r}; name it with members"
            raise CannotExpressError(msg)
        return f"blk.{match[1]}.{part}.weight"
    if name in WHOLE:
        return f"{WHOLE[name]}.weight"
    if re.fullmatch(r"blk\.\d+\.[a-z0-9_.]+|token_embd|output|[a-z0-9_]+_embd", name):
        return f"{name}.weight"
    msg = f"{module!r} is no name of a GGUF file; name its tensors with members"
    raise CannotExpressError(msg)


def _spelled_out(meaning: object) -> Format | str:
    if isinstance(meaning, Format | str):
        return meaning
    msg = f"a format must be the name of a ggml type. Got {meaning!r}"
    raise CannotExpressError(msg)


def _own(name: str) -> str | None:
    word = name.lower()
    return word if word in TYPES else None


def _type(form: Format) -> str:
    key = (form.bits, form.group_size or 0, form.symmetric)
    if form.kind == "int" and form.weight_only and key in INTEGERS:
        return INTEGERS[key]
    msg = f"{form} is no ggml type; name one with formats, such as 'q4_K'"
    raise CannotExpressError(msg)
