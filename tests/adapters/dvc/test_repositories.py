"""A `.dvc` file brings its data with it, and says from which repository and commit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from registry.errors import BadDataError, DatasetChangedError, InvalidError, NotFoundError
from tests.adapters.dvc.worlds import draw, dvc, dvc_name, read, run

FIRST = "text,label\ngood,pos\nbad,neg\n"
SECOND = FIRST + "fine,pos\n"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with DVC: a table of two revisions (v1, then main), and a folder of texts in `sets/`."""
    root = tmp_path_factory.mktemp("origin") / "reviews"
    root.mkdir()
    run(root, "git", "init", "--quiet", "--initial-branch=main")
    dvc(root, "init", "--quiet")
    draw(root, {"table.csv": FIRST, "sets/texts/pos/1.txt": "good", "sets/texts/neg/1.txt": "bad"})
    dvc(root, "add", "--quiet", "table.csv", "sets/texts")
    commit(root, "first")
    run(root, "git", "tag", "v1")
    draw(root, {"table.csv": SECOND})
    dvc(root, "add", "--quiet", "table.csv")
    commit(root, "second")
    return root


def commit(root: Path, message: str) -> None:
    run(root, "git", "add", "-A")
    run(root, "git", "commit", "--quiet", "-m", message)


def head(root: Path, rev: str = "HEAD") -> str:
    return run(root, "git", "rev-parse", f"{rev}^{{commit}}").strip()


@pytest.fixture(scope="module")
def _without_git(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("without-git")
    dvc(root, "init", "--quiet", "--no-scm")
    return root


@pytest.fixture
def plain(_without_git: Path, tmp_path: Path) -> Path:
    """A DVC repository without git, and with nothing in it."""
    return Path(shutil.copytree(_without_git, tmp_path / "plain"))


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    """The repository, to be spoilt."""
    return Path(shutil.copytree(repository, tmp_path / "reviews", symlinks=True))


def test_a_pointer_gives_the_data_of_the_last_commit(repository: Path, tmp_path: Path) -> None:
    listing = read(repository / "table.csv.dvc", tmp_path)
    assert listing.dvc is not None
    assert len(listing.rows) == 3
    assert (listing.dvc.md5, listing.dvc.size, listing.dvc.files) == dvc_name(repository / "table.csv.dvc")
    assert (listing.dvc.url, listing.dvc.rev, listing.dvc.rev_lock) == (str(repository), None, head(repository))


def test_a_revision_gives_the_data_of_that_commit(repository: Path, tmp_path: Path) -> None:
    listing = read(repository / "table.csv.dvc", tmp_path, rev="v1")
    assert listing.dvc is not None
    assert len(listing.rows) == 2
    assert (listing.dvc.rev, listing.dvc.rev_lock) == ("v1", head(repository, "v1"))


def test_a_folder_in_a_subfolder_is_found(repository: Path, tmp_path: Path) -> None:
    listing = read(repository / "sets/texts.dvc", tmp_path)
    assert [row.label for row in listing.rows] == ["neg", "pos"]
    assert listing.dvc is not None
    assert listing.dvc.md5 == dvc_name(repository / "sets/texts.dvc")[0]


def test_data_that_is_only_in_the_cache_is_found(copy: Path, tmp_path: Path) -> None:
    (copy / "table.csv").unlink()
    assert len(read(copy / "table.csv.dvc", tmp_path).rows) == 3


def test_data_changed_in_the_workspace_does_not_count(copy: Path, tmp_path: Path) -> None:
    (copy / "table.csv").chmod(0o644)
    (copy / "table.csv").write_text("nonsense")
    assert len(read(copy / "table.csv.dvc", tmp_path).rows) == 3


def test_the_recorded_url_is_that_of_origin_without_its_password(copy: Path, tmp_path: Path) -> None:
    run(copy, "git", "remote", "add", "origin", "https://ann:s3cret@git.example.org/reviews.git")
    record = read(copy / "table.csv.dvc", tmp_path).dvc
    assert record is not None
    assert record.url == "https://git.example.org/reviews.git"


def test_data_imported_from_another_repository_keeps_its_origin(repository: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    run(mine, "git", "init", "--quiet", "--initial-branch=main")
    dvc(mine, "init", "--quiet")
    dvc(mine, "import", "--quiet", str(repository), "table.csv", "--rev", "v1")
    commit(mine, "import")
    listing = read(mine / "table.csv.dvc", tmp_path / "scratch")
    assert listing.dvc is not None
    assert (listing.dvc.url, listing.dvc.rev, listing.dvc.rev_lock) == (
        str(repository),
        "v1",
        head(repository, "v1"),
    )
    assert listing.notes == (f"imported by way of {mine} at {head(mine)}",)
    assert len(listing.rows) == 2


def test_a_repository_without_git_has_data_but_no_revision(plain: Path, tmp_path: Path) -> None:
    root = draw(plain, {"table.csv": FIRST})
    dvc(root, "add", "--quiet", "table.csv")
    record = read(root / "table.csv.dvc", tmp_path / "scratch").dvc
    assert record is not None
    assert (record.url, record.rev, record.rev_lock) == (None, None, None)
    with pytest.raises(InvalidError, match="no git, so no revision 'main'"):
        read(root / "table.csv.dvc", tmp_path / "scratch", rev="main")
    (root / "table.csv").chmod(0o644)
    (root / "table.csv").write_text(SECOND)
    with pytest.raises(DatasetChangedError, match=r"is not the [0-9a-f]{32} that its \.dvc file records"):
        read(root / "table.csv.dvc", tmp_path / "again")


def test_an_uncommitted_pointer_is_refused(copy: Path, tmp_path: Path) -> None:
    draw(copy, {"fresh.csv": FIRST})
    dvc(copy, "add", "--quiet", "fresh.csv")
    with pytest.raises(InvalidError, match=r"'fresh\.csv\.dvc' is not committed as it is on disk"):
        read(copy / "fresh.csv.dvc", tmp_path / "scratch")
    with pytest.raises(NotFoundError, match=r"is not in the repository at 'v1'"):
        read(copy / "fresh.csv.dvc", tmp_path / "scratch", rev="v1")


def test_an_unknown_revision_is_named(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no revision 'v9'"):
        read(repository / "table.csv.dvc", tmp_path, rev="v9")


def test_data_that_is_nowhere_is_reported(copy: Path, tmp_path: Path) -> None:
    (copy / "table.csv").unlink()
    shutil.rmtree(copy / ".dvc/cache")
    with pytest.raises(NotFoundError, match="neither in DVC's cache nor in a remote"):
        read(copy / "table.csv.dvc", tmp_path / "scratch")


@pytest.mark.parametrize(
    "document",
    [
        "[",
        "outs: []",
        "wdir: x",
        "- 1",
        yaml.safe_dump({"outs": [{"path": "a"}]}),
        yaml.safe_dump({"outs": [{"path": "a", "md5": "0"}, {"path": "b", "md5": "1"}]}),
    ],
)
def test_what_is_no_pointer_is_refused(document: str, plain: Path, tmp_path: Path) -> None:
    root = draw(plain, {"odd.dvc": document})
    with pytest.raises(BadDataError, match=r"'odd\.dvc' is not a \.dvc file with one output"):
        read(root / "odd.dvc", tmp_path / "scratch")


def test_a_pointer_may_not_lead_out_of_its_repository(plain: Path, tmp_path: Path) -> None:
    pointer = yaml.safe_dump({"outs": [{"path": "../../secret", "md5": "0" * 32, "hash": "md5"}]})
    root = draw(plain, {"odd.dvc": pointer})
    with pytest.raises(BadDataError, match="outside its repository"):
        read(root / "odd.dvc", tmp_path / "scratch")


def test_a_pointer_without_a_repository_is_refused(tmp_path: Path) -> None:
    draw(tmp_path, {"odd.dvc": "outs: []"})
    with pytest.raises(BadDataError, match="is not in a DVC repository"):
        read(tmp_path / "odd.dvc", tmp_path / "scratch")


def test_nothing_is_printed_while_dvc_works(
    repository: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    read(repository / "sets/texts.dvc", tmp_path)
    assert capfd.readouterr() == ("", "")
