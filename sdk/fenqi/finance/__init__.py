"""Exact installment arithmetic: money, dates, plans, schedules, yearly rates, repayments.

Standard library only; no clock, no input or output, no float. Imports nothing else of fenqi.
"""

from fenqi.finance.errors import FinanceError
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.finance.schedule import Installment, Schedule, build_schedule

__all__ = ["FinanceError", "Installment", "Money", "Plan", "Schedule", "build_schedule"]
