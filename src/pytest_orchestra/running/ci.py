"""Which CI job this is, from the variables that CI systems set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_orchestra.model.surroundings import Build

#: By the variable that tells of a system: its name, and where it says what else is known of a job. Of
#: several variables the first that is set counts.
_SYSTEMS: Final[Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]]] = {
    "GITHUB_ACTIONS": (
        "GitHub Actions",
        {
            "name": ("GITHUB_WORKFLOW",),
            "identity": ("GITHUB_RUN_ID",),
            "number": ("GITHUB_RUN_NUMBER",),
            "repository": ("GITHUB_REPOSITORY",),
            "branch": ("GITHUB_HEAD_REF", "GITHUB_REF_NAME"),
            "commit": ("GITHUB_SHA",),
        },
    ),
    "GITLAB_CI": (
        "GitLab CI",
        {
            "name": ("CI_JOB_NAME",),
            "identity": ("CI_JOB_ID",),
            "number": ("CI_PIPELINE_IID",),
            "url": ("CI_JOB_URL",),
            "repository": ("CI_PROJECT_PATH",),
            "branch": ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"),
            "commit": ("CI_COMMIT_SHA",),
        },
    ),
    "JENKINS_URL": (
        "Jenkins",
        {
            "name": ("JOB_NAME",),
            "identity": ("BUILD_TAG",),
            "number": ("BUILD_NUMBER",),
            "url": ("BUILD_URL",),
            "branch": ("CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"),
            "commit": ("GIT_COMMIT",),
        },
    ),
    "BUILDKITE": (
        "Buildkite",
        {
            "name": ("BUILDKITE_PIPELINE_SLUG",),
            "identity": ("BUILDKITE_BUILD_ID",),
            "number": ("BUILDKITE_BUILD_NUMBER",),
            "url": ("BUILDKITE_BUILD_URL",),
            "repository": ("BUILDKITE_REPO",),
            "branch": ("BUILDKITE_BRANCH",),
            "commit": ("BUILDKITE_COMMIT",),
        },
    ),
    "CIRCLECI": (
        "CircleCI",
        {
            "name": ("CIRCLE_JOB",),
            "identity": ("CIRCLE_WORKFLOW_ID",),
            "number": ("CIRCLE_BUILD_NUM",),
            "url": ("CIRCLE_BUILD_URL",),
            "repository": ("CIRCLE_PROJECT_REPONAME",),
            "branch": ("CIRCLE_BRANCH",),
            "commit": ("CIRCLE_SHA1",),
        },
    ),
    "TF_BUILD": (
        "Azure Pipelines",
        {
            "name": ("BUILD_DEFINITIONNAME",),
            "identity": ("BUILD_BUILDID",),
            "number": ("BUILD_BUILDNUMBER",),
            "repository": ("BUILD_REPOSITORY_NAME",),
            "branch": ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCHNAME"),
            "commit": ("BUILD_SOURCEVERSION",),
        },
    ),
}


def read_build(environ: Mapping[str, str]) -> Build:
    """Return what the variables in ``environ`` tell of the job; nothing outside of CI."""
    for mark, (system, variables) in _SYSTEMS.items():
        if environ.get(mark):
            known = {
                name: next((environ[each] for each in wanted if environ.get(each)), "")
                for name, wanted in variables.items()
            }
            if mark == "GITHUB_ACTIONS":
                known["url"] = _github_url(environ)
            return Build(system, **known)
    return Build()


def _github_url(environ: Mapping[str, str]) -> str:
    server, repository, run = (
        environ.get(f"GITHUB_{each}", "") for each in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""
