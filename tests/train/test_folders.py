"""Folders of runs: replaced without loss, whatever kills it, and written to by one process."""

import os

import pytest

from train.folders import CONFIG, held, new_folder


def write(out, content, finish=True, overwrite=True):
    """A run that writes its files, the last one only if it is finished; then it is killed."""
    with new_folder(out, "it", overwrite) as path:
        (path / CONFIG).write_text("{}")
        (path / "metrics.csv").write_text(f"a\n{content}\n")
        if finish:
            (path / "summary.json").write_text(content)
        else:
            raise KeyboardInterrupt


def read(out):
    return {path.relative_to(out).as_posix(): path.read_text() for path in out.rglob("summary.json")}


def test_a_killed_overwrite_neither_blocks_the_next_nor_loses_the_finished_run(tmp_path):
    write(tmp_path, "first")
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path, "killed", finish=False)
        assert read(tmp_path) == {".it.former/summary.json": "first"}
    with pytest.raises(ValueError, match=r"finished run it was to replace is in .*\.it\.former"):
        write(tmp_path, "no", overwrite=False)
    write(tmp_path, "second")
    assert read(tmp_path) == {"it/summary.json": "second"}
    assert os.listdir(tmp_path) == ["it"]


def test_killed_between_two_renames_the_finished_run_is_found(tmp_path):
    write(tmp_path, "first")
    (tmp_path / "it").rename(tmp_path / ".it.former")
    with pytest.raises(ValueError, match="exists"):
        write(tmp_path, "no", overwrite=False)
    assert read(tmp_path) == {"it/summary.json": "first"}


@pytest.mark.parametrize("rows", ["", "agent_steps\n"])
def test_an_error_before_anything_was_learnt_brings_the_former_run_back(tmp_path, rows):
    write(tmp_path, "first")

    def fails():
        with new_folder(tmp_path, "it", overwrite=True) as path:
            (path / "metrics.csv").write_text(rows)
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fails()
    assert read(tmp_path) == {"it/summary.json": "first"}
    assert os.listdir(tmp_path) == ["it"]


@pytest.mark.parametrize("name", ["", ".", "..", "../it", "a/b", "/tmp/it", ".hidden"])
def test_a_name_that_leaves_its_folder_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="plain name"), new_folder(tmp_path / "runs", name, True):
        pass
    assert not list(tmp_path.iterdir())


def test_what_is_no_run_is_not_replaced(tmp_path):
    (tmp_path / "it").mkdir()
    (tmp_path / "it" / "thesis.tex").touch()
    with pytest.raises(ValueError, match="is no folder of a run"), new_folder(tmp_path, "it", True):
        pass
    assert (tmp_path / "it" / "thesis.tex").exists()


def test_a_run_that_is_being_written_is_not_replaced(tmp_path):
    write(tmp_path, "first")
    handle = held(tmp_path / "it")
    with pytest.raises(ValueError, match="another process is writing"), new_folder(tmp_path, "it", True):
        pass
    os.close(handle)
    write(tmp_path, "second")
