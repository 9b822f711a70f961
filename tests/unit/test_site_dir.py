"""The directory of the pages: ours is replaced and removed, everybody else's is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanner.errors import CannotRun, UsageError
from scanner.service.site_dir import LIST, SiteDir

PAGE = b"<!doctype html>\n<!-- tagdrift page -->\nhello"


def build(root: Path, *files: tuple[str, bytes], keep: tuple[str, ...] = ()) -> SiteDir:
    target = SiteDir.open(root)
    for file in files:
        target.put(file)
    for folder in keep:
        target.keep(folder)
    target.close({"sites/a": "1"})
    return target


def test_files_are_written_and_stale_ones_go_with_their_folders(tmp_path: Path) -> None:
    build(tmp_path, ("index.html", PAGE), ("sites/a/index.html", PAGE), ("sites/b/index.html", PAGE))
    (tmp_path / "mine.txt").write_text("mine")
    done = build(tmp_path, ("index.html", PAGE + b"!"), ("sites/a/index.html", PAGE))
    assert (done.written, done.unchanged, done.removed) == (1, 1, 1)
    assert (tmp_path / "index.html").read_bytes() == PAGE + b"!"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["index.html", "mine.txt", "sites", LIST]
    assert [p.name for p in (tmp_path / "sites").iterdir()] == ["a"]


def test_a_folder_with_somebody_elses_file_stays(tmp_path: Path) -> None:
    build(tmp_path, ("sites/a/index.html", PAGE))
    (tmp_path / "sites" / "a" / "notes.txt").write_text("mine")
    build(tmp_path, ("index.html", PAGE))
    assert [p.name for p in (tmp_path / "sites" / "a").iterdir()] == ["notes.txt"]


def test_a_stale_page_that_somebody_changed_stays_and_is_named(tmp_path: Path) -> None:
    build(tmp_path, ("sites/a/index.html", PAGE))
    (tmp_path / "sites/a/index.html").write_bytes(b"edited")
    assert build(tmp_path, ("index.html", PAGE)).left_alone == ("sites/a/index.html",)
    assert (tmp_path / "sites/a/index.html").read_bytes() == b"edited"


def test_a_page_that_somebody_damaged_is_made_whole(tmp_path: Path) -> None:
    build(tmp_path, ("index.html", PAGE))
    (tmp_path / "index.html").write_bytes(b"x" * len(PAGE))
    assert build(tmp_path, ("index.html", PAGE)).written == 1
    assert (tmp_path / "index.html").read_bytes() == PAGE


def test_a_file_that_we_did_not_write_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>Our company</h1>")
    target = SiteDir.open(tmp_path)
    with pytest.raises(UsageError, match="not written by tagdrift"):
        target.put(("index.html", PAGE))
    assert (tmp_path / "index.html").read_text() == "<h1>Our company</h1>"


def test_neither_is_what_a_link_points_at(tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    other.write_bytes(PAGE)
    root = tmp_path / "pages"
    root.mkdir()
    (root / "index.html").symlink_to(other)
    with pytest.raises(UsageError):
        SiteDir.open(root).put(("index.html", PAGE))


def test_pages_of_a_build_that_was_killed_are_ours_all_the_same(tmp_path: Path) -> None:
    SiteDir.open(tmp_path).put(("index.html", PAGE))  # never closed: no list
    assert build(tmp_path, ("index.html", PAGE + b"2")).written == 1


def test_unchanged_folders_are_known_by_their_fingerprint_as_long_as_they_are_whole(tmp_path: Path) -> None:
    build(tmp_path, ("sites/a/index.html", PAGE), ("sites/a/incident-1.html", PAGE))
    assert SiteDir.open(tmp_path).known() == {"sites/a": "1"}
    done = build(tmp_path, ("index.html", PAGE), keep=("sites/a",))
    assert (done.removed, done.unchanged) == (0, 2)
    (tmp_path / "sites/a/incident-1.html").unlink()
    assert SiteDir.open(tmp_path).known() == {}


@pytest.mark.parametrize("path", ["../out.html", "/etc/out.html", "a/../../out.html", "", "C:out.html", "a\\..\\out"])
def test_nothing_is_written_or_removed_outside(tmp_path: Path, path: str) -> None:
    root = tmp_path / "pages"
    (tmp_path / "out.html").write_bytes(PAGE)
    with pytest.raises(ValueError, match="not a path"):
        SiteDir.open(root).put((path, PAGE))
    build(root, ("index.html", PAGE))
    listed = json.loads((root / LIST).read_text())
    listed["files"][path] = listed["files"]["index.html"]
    (root / LIST).write_text(json.dumps(listed))
    build(root, ("index.html", PAGE))
    assert (tmp_path / "out.html").read_bytes() == PAGE


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "files": 3, "fingerprints": {}}'])
def test_a_list_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / LIST).write_text(content)
    assert SiteDir.open(tmp_path).known() == {}
    assert build(tmp_path, ("index.html", PAGE)).written == 1


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotRun, match="cannot write"):
        SiteDir.open(tmp_path / "file" / "pages")


def test_no_half_written_file_is_left(tmp_path: Path) -> None:
    build(tmp_path, ("index.html", PAGE))
    assert not list(tmp_path.rglob(".tagdrift-*"))
    assert (tmp_path / "index.html").stat().st_mode & 0o777 == 0o644
