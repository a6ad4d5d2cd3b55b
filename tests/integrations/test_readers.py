"""What hosts measured, as problems: shapes, faults, and the numbers themselves."""

import json

import numpy as np
import pytest

import mpsolve
from mpsolve import InvalidParameterError, InvalidProblemError, NoLayoutError, instances
from mpsolve.integrations import (
    auto_round,
    exllamav3,
    gguf_tool_suite,
    hawq,
    llama_cpp,
    mct,
    modelopt,
    nncf,
)
from mpsolve.integrations.auto_round_solver import choose
from mpsolve.integrations.gguf_sizes import tensor_bytes
from mpsolve.integrations.modelopt_solver import select


class TestModelOpt:
    STATE = {  # noqa: RUF012
        "candidate_stats": {
            "a.q_proj.quant_recipe": {
                "formats": [
                    "INT4_CFG(effective-bits: 4.0)",
                    "NONE(effective-bits: 16.0)",
                ],
                "scores": [2e-9, 0.0],
                "costs": [100.0, 400.0],
                "module_names": ["a.q_proj", "a.k_proj"],
            },
            "b.quant_recipe": {
                "formats": [
                    "INT4_CFG(effective-bits: 4.0)",
                    "NONE(effective-bits: 16.0)",
                ],
                "scores": [5e-9, 0.0],
                "costs": [50.0, 200.0],
                "module_names": ["b"],
            },
        },
        "constraints": {"effective_bits": 8.0},
        "cost_denominator": 600.0,
    }

    def test_problem(self):
        problem = modelopt.problem(self.STATE)
        assert list(problem.layers) == ["a.q_proj", "b"]
        assert problem.precisions == ("INT4_CFG", "NONE")
        assert problem.budgets["memory"].upper == 300.0
        assert modelopt.problem(self.STATE, 16.0).budgets["memory"].upper == 600.0

    def test_layouts_go_back(self):
        result, state = modelopt.resolve(self.STATE)
        assert result.loss == 2e-9
        assert result.reason == "OPTIMAL"
        assert state["best"]["recipe"] == {
            "a.q_proj.quant_recipe": "INT4_CFG(effective-bits: 4.0)",
            "b.quant_recipe": "NONE(effective-bits: 16.0)",
        }
        assert "best" not in self.STATE
        choices = modelopt.choices(self.STATE, result.layout)
        assert choices[0].modules == ("a.q_proj", "a.k_proj")
        assert [choice.position for choice in choices] == [0, 1]

    def test_infeasible(self):
        with pytest.raises(NoLayoutError, match="no layout is within the budgets"):
            modelopt.resolve(self.STATE, 2.0)

    @pytest.mark.parametrize(
        ("state", "message"),
        [
            ({}, "candidate_stats"),
            ([], "candidate_stats"),
            ({"candidate_stats": {"a": {"scores": []}}}, r"\['a'\]\['formats'\]"),
            (
                {"candidate_stats": {"a": {"formats": "x", "scores": [], "costs": []}}},
                "equally long",
            ),
        ],
    )
    def test_faults(self, state, message):
        with pytest.raises(InvalidProblemError, match=message):
            modelopt.problem(state)

    def test_the_solver_class_may_maximize_and_bound_below(self):
        costs = {"size": [[1.0, 2.0], [1.0, 2.0]]}
        scores = [[1.0, 3.0], [1.0, 2.0]]
        chosen = select(scores, costs, {"size": (None, 3.0)}, maximize=True)
        assert chosen == ([1, 0], "Optimal")
        assert select(scores, costs, {"size": (4.0, 4.0)}) == ([1, 1], "Optimal")
        assert select(scores, costs, {"size": 1.0}) == ([0, 0], "Infeasible")


class TestAutoRound:
    LAYERS = {  # noqa: RUF012
        "a": [(0, 400, 0.5, ["a", "a2"]), (1, 800, 0.1, ["a", "a2"])],
        "b": [(0, 400, 0.2, ["b"]), (1, 800, 0.1, ["b"])],
    }

    def test_problem(self):
        problem = auto_round.problem(self.LAYERS, 1200, ["W4A16", "W8A16"])
        assert problem.precisions == ("W4A16", "W8A16")
        result = mpsolve.solve(problem)
        assert dict(result.layout) == {"a": "W8A16", "b": "W4A16"}

    def test_it_answers_as_their_function_does(self):
        loss, path = choose(self.LAYERS, 1200)
        assert loss == pytest.approx(0.3)
        assert path == [(["a", "a2"], 1), (["b"], 0)]
        assert choose(self.LAYERS, 700) == (None, None)

    def test_faults(self):
        with pytest.raises(InvalidProblemError, match=r"layers\['a'\]\[0\]"):
            auto_round.problem({"a": [(1, 2)]})

    def test_their_program_takes_one_budget_from_above(self):
        problem = auto_round.problem(self.LAYERS)
        with pytest.raises(InvalidProblemError, match="one budget, from above"):
            auto_round.dynamic_program(problem)


class TestNncf:
    def test_their_rule_carries_more_sensitivity(self):
        scores, counts = [0.9, 0.1, 0.8, 0.2], [100, 10, 10, 80]
        theirs = nncf_filled(scores, counts, 0.9)
        reached = sum(counts[i] for i in theirs)
        problem = nncf.problem(list("abcd"), scores, counts, at_least=reached)
        result = mpsolve.solve(problem)
        assert result.loss < sum(scores[i] for i in theirs)
        assert result.usage["int4_weights"] >= reached

    def test_the_ratio_is_reached(self):
        problem = nncf.problem(["a", "b"], [0.1, 0.2], [60, 40], ratio=0.6)
        assert dict(mpsolve.solve(problem).layout) == {"a": "int4", "b": "int8"}

    @pytest.mark.parametrize(
        "options", [{}, {"ratio": 0.5, "at_least": 3}, {"ratio": 1.5}]
    )
    def test_faults(self, options):
        with pytest.raises(InvalidParameterError, match="ratio"):
            nncf.problem(["a"], [0.1], [1], **options)

    def test_unknown_budgets(self):
        with (
            pytest.raises(InvalidParameterError, match="'ratio' or 'host'"),
            nncf.plugged_in("bits"),
        ):
            pass


def nncf_filled(scores, counts, ratio):
    from mpsolve.integrations.nncf_criterion import filled

    return filled(scores, counts, ratio)


class TestMct:
    def test_memory_cuts_are_resources(self):
        utilization = {
            "weights": np.array([[8.0], [0.0], [4.0], [0.0]]),
            "activation": np.array([[2.0, 0.0], [0.0, 0.0], [0.0, 2.0], [0.0, 0.0]]),
        }
        constraints = {"weights": np.array([8.0]), "activation": np.array([2.0, 1.0])}
        sensitivity = {"conv": [0.0, 0.5], "fc": [0.0, 0.2]}
        problem = mct.problem(sensitivity, utilization, constraints)
        assert set(problem.resources) == {"weights", "activation[0]", "activation[1]"}
        result = mpsolve.solve(problem)
        assert mct.overwrite(result.layout) == [0, 1]

    def test_candidates_without_sensitivity_are_not_offered(self):
        problem = mct.problem(
            {"a": [np.nan, 0.5, 0.1]}, {"w": [[2], [1], [0]]}, {"w": 1}
        )
        assert list(problem.precisions) == ["candidate1", "candidate2"]

    def test_faults(self):
        with pytest.raises(InvalidProblemError) as caught:
            mct.problem({"a": [np.inf]}, {"w": [[2], [1]]}, {"w": 1})
        assert len(caught.value.faults) == 2


class TestExLlamaV3:
    MEASUREMENT = {  # noqa: RUF012
        "base": {"dir": "/q/3bpw", "bpw": 3.0},
        "alts": [{"dir": "/q/4bpw"}, {"dir": "/q/6bpw"}],
        "groups": [
            {
                "layers": ["l.0.a", "l.0.b"],
                "candidates": [
                    {"dkld": -0.10, "dbits": 100},
                    {"dkld": -0.15, "dbits": 300},
                ],
            },
            {"layers": ["l.1.a"], "candidates": [{"dkld": 0.01, "dbits": 100}]},
        ],
        "base_kld": 0.4,
    }

    def test_problem_and_layout(self, tmp_path):
        path = tmp_path / "measurement.json"
        path.write_text(json.dumps(self.MEASUREMENT))
        problem = exllamav3.problem(path, 250)
        assert problem == exllamav3.problem(self.MEASUREMENT, 250)
        result = mpsolve.solve(problem)
        assert dict(result.layout) == {"l.0.a": "4bpw", "l.1.a": "base"}
        text = result.layout.export(
            "exllamav3",
            members=exllamav3.members(path),
            sources={"4bpw": "/q/4bpw", "6bpw": "/q/6bpw"},
            base="base",
        )
        assert '"l.0.b.*"' in text
        assert "l.1.a" not in text

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ({}, "groups"),
            ({"groups": [{"candidates": []}]}, r"groups\[0\].layers"),
            ({"groups": [{"layers": ["a"]}]}, r"groups\[0\].candidates"),
            (
                {"groups": [{"layers": ["a"], "candidates": [{"dkld": 1}]}]},
                r"candidates\[0\].dbits: is missing",
            ),
        ],
    )
    def test_faults(self, content, message):
        with pytest.raises(InvalidProblemError, match=message):
            exllamav3.problem(content)

    def test_files_that_are_no_json(self, tmp_path):
        (tmp_path / "m.json").write_text("{")
        with pytest.raises(InvalidProblemError, match="is not JSON"):
            exllamav3.problem(tmp_path / "m.json")


class TestGgufToolSuite:
    @pytest.fixture
    def files(self, tmp_path):
        tensors = "blk.0.ffn_up.weight,blk.0.ffn_gate.weight,output.weight"
        (tmp_path / "kld.csv").write_text(f"QTYPE,{tensors}\niq1_m,0.5,0.25,0.125\n")
        (tmp_path / "types.csv").write_text(
            "QTYPE,group0\nbf16,0\nq4_K,0.05\nq8_0,1%\n"
        )
        return tmp_path

    def test_problem_with_ties(self, files):
        names = ["blk.0.ffn_up.weight", "blk.0.ffn_gate.weight", "output.weight"]
        problem = gguf_tool_suite.problem(
            files / "kld.csv",
            files / "types.csv",
            dict.fromkeys(names, 4096),
            allowed=["q4_K", "bf16"],
            ties=[r"blk\.(\d+)\.ffn_(?:up|gate)\.weight"],
            budgets={"memory": 20_000},
        )
        assert problem.ties == ((0, 1),)
        assert problem.loss[0] == 0.5 * 0.05
        result = mpsolve.solve(problem)
        assert result.layout["blk.0.ffn_up.weight"] == "bf16"
        assert result.layout["output.weight"] == "q4_K"
        assert result.usage["memory"] == 2 * 8192 + 2304

    def test_maps(self, tmp_path):
        path = tmp_path / "tensors.q4_K.map"
        line = "m-00002-of-00804.gguf:edf1:output.weight:shape=(4096, 15):dtype=q4_k:"
        path.write_text(f"{line}elements=61440:bytes=34560\n")
        assert gguf_tool_suite.read_map(path) == {"output.weight": 34560}
        path.write_text("nonsense\n")
        with pytest.raises(InvalidProblemError, match="line 1"):
            gguf_tool_suite.read_map(path)

    def test_faults(self, files):
        sizes = {"output.weight": 4096}
        arguments = files / "kld.csv", files / "types.csv"
        with pytest.raises(InvalidParameterError, match="no type 'q9'"):
            gguf_tool_suite.problem(*arguments, sizes, allowed=["q9"])
        with pytest.raises(InvalidParameterError, match="must have one group"):
            gguf_tool_suite.problem(*arguments, sizes, ties=["blk"])
        with pytest.raises(InvalidParameterError, match="has none of the tensors"):
            gguf_tool_suite.problem(*arguments, {"x": 1})
        with pytest.raises(InvalidParameterError, match="no whole blocks"):
            gguf_tool_suite.problem(*arguments, {"output.weight": 100})
        with pytest.raises(InvalidParameterError, match=r"has no type 'bf16'"):
            gguf_tool_suite.problem(*arguments, {"output.weight": {"q4_K": 1}})
        (files / "types.csv").write_text("QTYPE,group0\nbf16,many\n")
        with pytest.raises(InvalidProblemError, match="line 2, group0"):
            gguf_tool_suite.problem(*arguments, sizes)


class TestLlamaCppTables:
    def test_kld(self, tmp_path):
        path = tmp_path / "kld.csv"
        rows = ["output,q4_0,0.2,3200", "output,q8_0,0.01,3200", "token_embd,f16,0,64"]
        path.write_text("\n".join(["tensor,type,kld,elements", *rows]))
        problem = llama_cpp.kld_problem(path, budgets={"memory": 2000})
        assert problem.resources["memory"].usage.tolist() == [1800, 3400, 128]
        assert mpsolve.solve(problem).layout["output"] == "q4_0"

    def test_imatrix_errors_with_bytes(self, tmp_path):
        path = tmp_path / "errors.csv"
        path.write_text("tensor,type,error,bytes\na,iq4_kss,0.5,10\na,q8_0,0.1,20\n")
        problem = llama_cpp.imatrix_problem(path)
        assert problem.loss.tolist() == [0.5, 0.1]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("tensor,type\na,b\n", "column 'kld'"),
            ("tensor,type,kld,bytes\na,q8_0,nan,1\n", "line 2, kld"),
            ("tensor,type,kld,bytes\na,q8_0,1\n", "line 2: must have 4 cells"),
            ("tensor,type,kld,bytes\n", "no rows"),
            ("tensor,type,kld,bytes\na,b,1,1\na,b,1,1\n", "line 3.*twice"),
            ("tensor,type,kld,elements\na,q9,1,32\n", "line 2.*give them in sizes"),
        ],
    )
    def test_faults(self, tmp_path, text, message):
        (tmp_path / "t.csv").write_text(text)
        with pytest.raises(InvalidProblemError, match=message):
            llama_cpp.kld_problem(tmp_path / "t.csv")

    def test_sizes_are_somewhere(self, tmp_path):
        (tmp_path / "t.csv").write_text("tensor,type,kld\na,b,1\n")
        with pytest.raises(InvalidParameterError, match="'bytes' or 'elements'"):
            llama_cpp.kld_problem(tmp_path / "t.csv")

    def test_bits_of_types(self):
        bits = {kind: tensor_bytes(256, kind) * 8 / 256 for kind in ("q4_K", "iq2_xxs")}
        assert bits == {"q4_K": 4.5, "iq2_xxs": 2.0625}


class TestHawq:
    def test_the_published_problem_comes_out_of_its_columns(self):
        published = instances.load("resnet18-memory-50")
        loss = published.loss.reshape(-1, 2)
        memory = published.resources["memory"].usage.reshape(-1, 2)
        bops = published.resources["bops"].usage.reshape(-1, 2)
        problem = hawq.problem(
            list(published.layers),
            [1.0] * len(loss),
            {4: loss[:, 0].tolist(), 8: loss[:, 1].tolist()},
            memory[:, 1].tolist(),
            macs=(bops[:, 0] // 16).tolist(),
            ties=[[published.layers[i] for i in tie] for tie in published.ties],
            budgets=dict(published.budgets),
        )
        assert np.array_equal(problem.resources["bops"].usage, bops.ravel())
        result = mpsolve.solve(problem)
        assert result.loss == mpsolve.solve(published).loss
        assert set(hawq.bit_config(result.layout).values()) == {4, 8}

    def test_faults(self):
        with pytest.raises(InvalidProblemError) as caught:
            hawq.problem(["a"], [1.0, 2.0], {4: []}, [10], macs=[1], latency={})
        assert len(caught.value.faults) == 2
