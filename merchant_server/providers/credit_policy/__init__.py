"""The credit policy as zen-engine runs it: load and decide, and check a file before it is published."""

from merchant_server.providers.credit_policy.check import check
from merchant_server.providers.credit_policy.engine import ZenCreditPolicy
from merchant_server.providers.credit_policy.shape import Problem
from merchant_server.providers.credit_policy.workshop import ZenWorkshop

__all__ = ["Problem", "ZenCreditPolicy", "ZenWorkshop", "check"]
