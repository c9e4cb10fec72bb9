"""Compiled objects of the tests are kept in a folder of their own."""

import pytest


@pytest.fixture(scope="session")
def cache_of_this_run(tmp_path_factory):
    return tmp_path_factory.mktemp("objects")


@pytest.fixture(autouse=True)
def _own_cache(cache_of_this_run, monkeypatch):
    monkeypatch.setenv("SYMCNN_CACHE", str(cache_of_this_run))
