"""Which tests stay together in one process when several run tests."""

from xdist.scheduler import LoadScopeScheduling

# What their tests share, stacks above all, is made once for each process that runs any of them.
SHARING_PACKAGES = frozenset({"tests/e2e", "tests/page"})


class KeepTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a process whole modules, and the whole of a package whose tests share a stack."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        package = module.rpartition("/")[0]
        return package if package in SHARING_PACKAGES else module
