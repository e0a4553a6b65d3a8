"""Which CI job a run is part of."""

from __future__ import annotations

import pytest

from pytest_orchestra.model.surroundings import Build
from pytest_orchestra.running.ci import read_build


@pytest.mark.parametrize(
    ("variables", "build"),
    [
        ({"HOME": "/root", "BUILD_NUMBER": "7"}, Build()),
        (
            {
                "GITHUB_ACTIONS": "true",
                "GITHUB_WORKFLOW": "tests",
                "GITHUB_RUN_ID": "81",
                "GITHUB_RUN_NUMBER": "7",
                "GITHUB_SERVER_URL": "https://github.example",
                "GITHUB_REPOSITORY": "me/app",
                "GITHUB_HEAD_REF": "",
                "GITHUB_REF_NAME": "main",
                "GITHUB_SHA": "c0ffee",
            },
            Build(
                "GitHub Actions",
                "tests",
                "81",
                "7",
                "https://github.example/me/app/actions/runs/81",
                "me/app",
                "main",
                "c0ffee",
            ),
        ),
        (
            {
                "GITLAB_CI": "true",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic",
                "CI_COMMIT_REF_NAME": "main",
            },
            Build("GitLab CI", branch="topic"),
        ),
        (
            {"JENKINS_URL": "http://j", "BUILD_NUMBER": "7", "GIT_COMMIT": "c0ffee"},
            Build("Jenkins", number="7", commit="c0ffee"),
        ),
        ({"GITHUB_ACTIONS": "true"}, Build("GitHub Actions")),
    ],
)
def test_the_job_is_known_by_its_variables(variables: dict[str, str], build: Build) -> None:
    """What a system does not say is empty; one that is not there says nothing."""
    assert read_build(variables) == build
