"""The inventories of the study."""

__all__ = ["INVENTORIES", "TYPES"]

#: All types, of which fp64 is the reference.
TYPES = ("fp64", "fp32", "fp16", "bf16", "e4m3", "e5m2")

#: Of five layers each, the widest type first; that is the network's own.
INVENTORIES = {
    "fp64×1, fp32×2, fp16×2": {"fp64": 1, "fp32": 2, "fp16": 2},
    "fp32×1, fp16×2, bf16×2": {"fp32": 1, "fp16": 2, "bf16": 2},
    "fp32×2, fp16×2, e4m3×1": {"fp32": 2, "fp16": 2, "e4m3": 1},
    "fp32×2, bf16×2, e5m2×1": {"fp32": 2, "bf16": 2, "e5m2": 1},
}
