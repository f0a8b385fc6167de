"""Study files: what they stand for, and every mistake in a sentence before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import splitfog as sf
from splitfog.instances.defects import InstanceError
from splitfog.studies.study_files.entries import Made

HEAD = 'format = "splitfog/study"\nversion = 1\nname = "own"\n'
WAYS, LOADS = '[[replays]]\nadapt = "argmin"\n', '[[traces]]\nfamily = "load"\n'
LINE = '[[instances]]\nfamily = "line"\nlayers = 3\n'


def written(folder: Path, text: str, head: str = HEAD) -> Path:
    path = folder / "own.toml"
    path.write_text(head + text)
    return path


def made(study: sf.StudyFile) -> list[tuple[int, dict[str, object]]]:
    """Seed and options of every instance of a family."""
    return [
        (source.seed, dict(source.options)) for source in study.sources if isinstance(source, Made)
    ]


def test_lists_are_swept_and_seeds_vary_fastest(tmp_path: Path) -> None:
    """2 x 2 combinations in the order of the file, each with the seeds 5 and 6."""
    text = '[[instances]]\nfamily = "line"\nlayers = [3, 4]\ntiers = [2, 3]\nseed = 5\ncount = 2\n'
    found = made(sf.load_study(written(tmp_path, text)))
    assert found == [
        (seed, {"layers": layers, "tiers": tiers})
        for layers in (3, 4)
        for tiers in (2, 3)
        for seed in (5, 6)
    ]


def test_combinations_may_have_seeds_of_their_own(tmp_path: Path) -> None:
    """Two seeds each from 5 on: 5 and 6, then 7 and 8."""
    text = (
        '[[instances]]\nfamily = "line"\nlayers = [3, 4]\nseed = 5\ncount = 2\nown_seeds = true\n'
    )
    found = made(sf.load_study(written(tmp_path, text)))
    assert found == [(5, {"layers": 3}), (6, {"layers": 3}), (7, {"layers": 4}), (8, {"layers": 4})]


def test_files_begin_at_the_folder_of_the_study(tmp_path: Path) -> None:
    """A pattern stands for all files that fit, in their order, wherever the process is."""
    for name in ("b", "a"):
        sf.save_instance(sf.generate("line", layers=3), tmp_path / "own" / f"{name}.json")
    study = sf.load_study(written(tmp_path, '[[instances]]\nfiles = ["own/*.json"]\n'))
    assert [source().read_file for source in study.sources] == [
        str(tmp_path / "own" / f"{name}.json") for name in ("a", "b")
    ]


def test_names_that_look_like_patterns_are_names(tmp_path: Path) -> None:
    """Of the folder that a study stands in, and of a file that is there."""
    (folder := tmp_path / "run[1]").mkdir()
    for name in ("a[1]", "a1"):
        sf.save_instance(sf.generate("line", layers=3), folder / f"{name}.json")
    study = sf.load_study(written(folder, '[[instances]]\nfiles = ["a[1].json", "a?.json"]\n'))
    assert [source().read_file for source in study.sources] == [
        str(folder / f"{name}.json") for name in ("a[1]", "a1")
    ]


def test_a_quick_slice_has_other_values_for_its_keys(tmp_path: Path) -> None:
    """Its solvers are those of the slice, with the options that these have; the rest stays."""
    text = (
        'solvers = ["hpa", "evolution"]\nseeds = [3]\noptions.evolution = { stagnation = 5 }\n'
        f'{LINE}[quick]\nsolvers = ["hpa"]\n'
    )
    path = written(tmp_path, text)
    whole, quick = sf.load_study(path).content, sf.load_study(path, quick=True).content
    assert (whole.solvers, dict(whole.options)) == (
        ("hpa", "evolution"),
        {"evolution": {"stagnation": 5}},
    )
    assert (quick.solvers, dict(quick.options), quick.seeds) == (("hpa",), {}, (3,))
    assert sf.load_study(path, quick=True).sources == sf.load_study(path).sources


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"seedz = [0]\n{LINE}", r"own.toml: seedz = \[0\], unknown key, must be one of format, "),
        (f"seeds = [-1]\n{LINE}", r"own.toml: seeds\[0\] = -1, must be a whole number >= 0"),
        (f"time_limit_s = 0\n{LINE}", "time_limit_s = 0, must be a finite number > 0"),
        ("", "instances is missing"),
        (f"{LINE}colour = 1\n", r"instances\[0\].colour = 1, unknown key, must be one of family, "),
        (f"{LINE}count = 0\n", r"instances\[0\].count = 0, must be a whole number >= 1"),
        (f"{LINE}tiers = []\n", r"instances\[0\].tiers = \[\], must be a value or a list of at"),
        (f"{LINE}seed = []\n", r"instances\[0\].seed = \[\], must be a value or a list of at"),
        ("[[instances]]\nfiles = []\n", r"instances\[0\].files = \[\], must be a list of at least"),
        (f"{LINE}tiers = 1\n", r"instances\[0\].tiers = 1, must be a whole number >= "),
        (
            '[[instances]]\nfamily = "lime"\n',
            r"instances\[0\]: unknown family 'lime', did you mean",
        ),
        ("[[instances]]\ncount = 1\n", "must have one of files and family"),
        ('[[instances]]\nfiles = ["no.json"]\n', 'files has "no.json", must name a file below'),
        ("[[instances]]\nfiles = []\n", r"0\].files = \[\], must be a list of at least one path"),
        (f"{LINE}tiers = []\n", r"0\].tiers = \[\], must be a value or a list of at least one"),
        (f"{LINE}[quick]\nnames = 1\n", r"quick.names = 1, unknown key"),
        (f"{LINE}[quick]\nsolvers = 1\n", r"quick.solvers = 1, must be a list"),
        (f'{LINE}[quick]\nname = "a"\n', "quick.name stands there, must not"),
        (f"{LINE}{LOADS}", "replays is missing"),
        (
            f'solvers = ["hpa"]\n{LINE}{WAYS}{LOADS}',
            "solvers stands beside replays",
        ),
        (
            f"{LINE}{WAYS}late = 1\n{LOADS}",
            r"replays\[0\].late = 1, unknown key, must be one of name, adapt, clock",
        ),
        (
            f"{LINE}{WAYS}{WAYS}noise = -1\n{LOADS}",
            r"own.toml: replays\[1\].noise = -1, must be a number >= 0",
        ),
        (
            f"{LINE}{WAYS}probe = [8, 0]\n{LOADS}",
            r"own.toml: replays\[0\].probe seconds = 0, must be a number > 0",
        ),
        (
            f"{LINE}{WAYS}{LOADS}[quick]\nreplays = [{{ adapt = 'argmin', clock = 'late' }}]\n",
            r"own.toml: quick.replays\[0\].clock = 'late', must be one of integrated, frozen",
        ),
        (
            f"{LINE}{WAYS}{LOADS}vary = {{ a = 1 }}\n",
            r"traces\[0\].vary.a = 1, must be two numbers > 0",
        ),
        (
            f"{LINE}{WAYS}{LOADS}vary = {{ a = [0, 1] }}\n",
            r"traces\[0\].vary.a = 0, must be a number > 0",
        ),
        (
            f"{LINE}{WAYS}{LOADS}beside = 5\n",
            r"traces\[0\].beside = 5, must be a list of tables",
        ),
    ],
)
def test_mistakes_are_told_with_file_and_key(tmp_path: Path, text: str, sentence: str) -> None:
    """Whatever is read of it: the whole, and its quick slice."""
    with pytest.raises(InstanceError, match=sentence):
        sf.load_study(written(tmp_path, text), quick="quick" in text)


def test_a_slice_that_is_not_run_is_read(tmp_path: Path) -> None:
    """A key that there is not is told by the first run, not by the first quick one."""
    with pytest.raises(InstanceError, match=r"quick.names = 1, unknown key"):
        sf.load_study(written(tmp_path, f"{LINE}[quick]\nnames = 1\n"))


def test_all_mistakes_of_all_lists_are_told_at_once(tmp_path: Path) -> None:
    """One of instances, one of ways, one of traces, and a key that contradicts them."""
    text = f"seeds = [1]\npass = 'decode'\n{LINE}count = 0\n{WAYS}late = 1\n{LOADS}count = 0\n"
    with pytest.raises(InstanceError) as error:
        sf.load_study(written(tmp_path, text))
    assert [sentence.split()[0] for sentence in error.value.defects] == [
        "pass",
        "instances[0].count",
        "replays[0].late",
        "traces[0].count",
    ]


def test_a_folder_of_the_name_is_no_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--study d3 -o d3` makes one, and goes on a second time."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d3").mkdir()
    assert sf.load_study("d3").content.name == "d3"


def test_another_format_is_told_before_all_else(tmp_path: Path) -> None:
    """Also a file that is no TOML at all, and a name that no study has."""
    with pytest.raises(InstanceError, match='format = "x", must be "splitfog/study"'):
        sf.load_study(written(tmp_path, 'format = "x"\nseedz = 1\n', head=""))
    with pytest.raises(InstanceError, match="not TOML: "):
        sf.load_study(written(tmp_path, "name"))
    with pytest.raises(LookupError, match="unknown study 'dine', did you mean 'dina'"):
        sf.load_study("dine")
