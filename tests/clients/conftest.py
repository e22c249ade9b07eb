"""Tests of other libraries run in environments of their own, where this file is not read: `make test-clients`."""

collect_ignore_glob = ["*.py"]
