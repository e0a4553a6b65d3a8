"""What can be wrong with a ledger, told so that it can be mended."""

from __future__ import annotations

from pytest_orchestra.errors import OrchestraError
from pytest_orchestra.model.problem import Problem


class MachineError(OrchestraError):
    """The ledger cannot be used; ``problem`` says where, what is wrong and what to do."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(f"{problem.where}: {problem.what}; {problem.remedy}")
