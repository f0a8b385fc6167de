"""What is built and installed holds every package and its data, and costs nothing to import."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from splitfog.formulations.plan import PlanError

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]
HOUSES = [link for link in sorted((ROOT / "splitfog").iterdir()) if link.is_symlink()]
FOLDERS = {
    "splitfog": ROOT / "splitfog",
    **{f"splitfog.{house.name}": ROOT / house.name for house in HOUSES},
}

MOST_FILES = 15
"""Of a room, so that a look at the folder is a look at all."""


def packages_on_disk() -> set[str]:
    """Every folder with an `__init__.py` below a mapped one, links not followed."""
    return {
        ".".join([name, *file.parent.relative_to(folder).parts])
        for name, folder in FOLDERS.items()
        for file in folder.rglob("__init__.py")
    }


def files_of_packages() -> set[str]:
    """What an installation must hold, as paths below site-packages."""
    wanted = set()
    for name, folder in FOLDERS.items():
        base = Path(*name.split("."))
        for file in folder.rglob("*"):
            inner = file.relative_to(folder)
            if _belongs(file, inner):
                wanted.add((base / inner).as_posix())
    return wanted


def _belongs(file: Path, inner: Path) -> bool:
    data = inner.parts[0] == "data" and file.name.endswith((".json", ".json.gz"))
    data |= file.parent.name in ("norway-3g", "assets") or file.suffix == ".toml"
    named = file.name in ("py.typed", "references.bib")
    return file.is_file() and (file.suffix in (".py", ".pyi") or named or data)


def test_the_package_list_is_what_is_on_disk() -> None:
    """A sub-package that is not listed would be missing from wheels without a word."""
    assert set(SETUPTOOLS["packages"]) == packages_on_disk()


def test_no_room_is_crowded() -> None:
    """Who looks for a file finds it by its folder: 15 in each at most, `__init__` apart."""
    houses = {*FOLDERS.values(), ROOT / "benchmarks", ROOT / "tests"}
    files = {file.resolve() for house in houses for file in house.rglob("*.py")}
    counts = Counter(file.parent for file in files if file.name != "__init__.py")
    assert {str(room): number for room, number in counts.items() if number > MOST_FILES} == {}


def test_every_house_has_its_link() -> None:
    """`splitfog/solvers` leads to `solvers`, relatively, so that clones and archives keep it."""
    folders = {file.parent.name for file in ROOT.glob("*/__init__.py")} - {"splitfog"}
    assert folders == {house.name for house in HOUSES}
    assert all(house.readlink() == Path("..", house.name) for house in HOUSES)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, so that building leaves nothing behind in them."""
    names = [folder.name for folder in FOLDERS.values()]
    copy = tmp_path_factory.mktemp("source")
    for name in names:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def build(kind: str, source: Path, target: Path) -> Path:
    """The wheel or sdist that setuptools builds from a folder."""
    code = (
        "import sys; from setuptools import build_meta; "
        f"print(build_meta.build_{kind}(sys.argv[1]))"
    )
    target.mkdir()
    process = subprocess.run(
        [sys.executable, "-c", code, str(target)], cwd=source, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    return target / process.stdout.split()[-1]


@pytest.mark.slow
def test_the_wheel_holds_all_packages_and_data(source: Path, tmp_path: Path) -> None:
    """Each file once, at its place below `splitfog`, and no other top-level package."""
    wheel = zipfile.ZipFile(build("wheel", source, tmp_path / "dist"))
    names = [name for name in wheel.namelist() if not name.startswith("splitfog-")]
    assert set(names) == files_of_packages()
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_a_wheel_of_the_sdist_holds_the_same(source: Path, tmp_path: Path) -> None:
    """Nothing gets lost on the way sources -> sdist -> wheel."""
    sdist = build("sdist", source, tmp_path / "dist")
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):  # not in Python 3.11.0 to 3.11.3
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(tmp_path / "unpacked")
    (folder,) = (tmp_path / "unpacked").iterdir()
    wheel = zipfile.ZipFile(build("wheel", folder, tmp_path / "again"))
    assert files_of_packages() <= set(wheel.namelist())


@pytest.mark.slow
def test_an_installed_wheel_runs(source: Path, tmp_path: Path) -> None:
    """Installed without its dependencies into an empty folder, it lists its solvers from there."""
    wheel = build("wheel", source, tmp_path / "dist")
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*install, "--target", str(site), str(wheel)], check=True)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import splitfog; "
        "print(splitfog.__file__); print(len(splitfog.solvers()))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    file, count = process.stdout.split()
    assert Path(file).is_relative_to(site)
    assert int(count) > 10


def test_importing_splitfog_loads_nothing_heavy() -> None:
    """Neither numpy nor any library that takes noticeable time."""
    code = (
        "import sys, splitfog; "
        "heavy = {'numpy', 'jax', 'ortools', 'scipy', 'matplotlib', 'pulp', 'msgspec', 'rich'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stdout == "[]\n"


def test_every_public_name_is_there() -> None:
    """What `splitfog` says it offers can be had, each name from where the stub says."""
    import splitfog

    assert {"solve", "Plan", "PlanError", "Objective", "WrongAnswer"} <= set(dir(splitfog))
    for name in dir(splitfog):
        assert getattr(splitfog, name) is not None
    assert splitfog.PlanError is PlanError


def test_dir_shows_public_names_only() -> None:
    """No helper of the module and no package that some import has bound, also after a run."""
    import splitfog

    splitfog.solve(splitfog.generate("fog", seed=1, users=2), "greedy")
    shown = dir(splitfog)
    assert shown == sorted(vars(splitfog)["__all__"])
    assert [name for name in shown if name.startswith("_")] == ["__version__"]
    assert not {"Any", "annotations", "attach", "import_module", "formulations"} & set(shown)


def test_an_unknown_name_is_refused_by_name() -> None:
    """As any module does, so that `hasattr` and misspellings behave."""
    import splitfog

    with pytest.raises(AttributeError, match="module 'splitfog' has no attribute 'slove'"):
        _ = splitfog.slove  # type: ignore[attr-defined]


def test_solvers_is_a_package_and_can_be_called() -> None:
    """`splitfog.solvers()` lists the declarations whether or not its modules came first."""
    code = "{}import splitfog as sf; print(sf.solvers()[0].name, sf.solvers.__name__)"
    for first in ("", "import splitfog.solvers.registry; "):
        command = [sys.executable, "-c", code.format(first)]
        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert process.stdout.split()[1] == "splitfog.solvers"


def test_versions_agree() -> None:
    """The package and the project say the same."""
    import splitfog

    assert splitfog.__version__ == PROJECT["project"]["version"]


def test_constraints_pin_and_name_no_address() -> None:
    """Every line is `name==version`, perhaps for some machines only."""
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        requirement = line.split(" ; ")[0]
        assert len(requirement.split("==")) == 2, line
        assert "://" not in line
