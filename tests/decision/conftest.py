"""The shipped policy and an ordinary applicant, as for the policy's own tests."""

from tests.policy.conftest import _applicant, _document, _policy

__all__ = ["_applicant", "_document", "_policy"]
