"""The one description of every JSON body of /v1, for SDK, server and OpenAPI alike. Must not import Flask.

`strict_json` reads the bytes, a draft schema checks what clients send, an answer schema writes
what fenqi sends.
"""

from fenqi.wire.answers import (
    CheckoutSchema,
    EventSchema,
    InstallmentSchema,
    LoanSchema,
    ProblemSchema,
    TestClockSchema,
    WebhookEndpointSchema,
    page_of,
)
from fenqi.wire.drafts import (
    CaptureSchema,
    CheckoutDraftSchema,
    CheckoutQuerySchema,
    EmptySchema,
    EventQuerySchema,
    LoanQuerySchema,
    PageQuerySchema,
    TestClockAdvanceSchema,
    TestClockTurnSchema,
    WebhookEndpointDraftSchema,
)
from fenqi.wire.fields import (
    AMOUNT_MINOR_MAX,
    UNKNOWN_FIELD,
    Answer,
    CalendarDate,
    MoneyField,
    MoneySchema,
    Request,
    Text,
    UtcTime,
    WebAddress,
    WholeNumber,
    utc_text,
)
from fenqi.wire.first_error import FirstError, first_error
from fenqi.wire.plans import PlanDraftSchema, PlanSchema
from fenqi.wire.settlement import (
    BalanceSchema,
    PayoutQuerySchema,
    PayoutSchema,
    PayoutStatementSchema,
    StatementLineSchema,
    StatementQuerySchema,
    StatementSchema,
)
from fenqi.wire.strict_json import strict_json
from fenqi.wire.vocabulary import (
    CAPTURES,
    CHECKOUT_STATUSES,
    EVENT_TYPES,
    LANGUAGES,
    MODES,
    PAYOUT_STATUSES,
)

__all__ = [
    "AMOUNT_MINOR_MAX",
    "CAPTURES",
    "CHECKOUT_STATUSES",
    "EVENT_TYPES",
    "LANGUAGES",
    "MODES",
    "PAYOUT_STATUSES",
    "UNKNOWN_FIELD",
    "Answer",
    "BalanceSchema",
    "CalendarDate",
    "CaptureSchema",
    "CheckoutDraftSchema",
    "CheckoutQuerySchema",
    "CheckoutSchema",
    "EmptySchema",
    "EventQuerySchema",
    "EventSchema",
    "FirstError",
    "InstallmentSchema",
    "LoanQuerySchema",
    "LoanSchema",
    "MoneyField",
    "MoneySchema",
    "PageQuerySchema",
    "PayoutQuerySchema",
    "PayoutSchema",
    "PayoutStatementSchema",
    "PlanDraftSchema",
    "PlanSchema",
    "ProblemSchema",
    "Request",
    "StatementLineSchema",
    "StatementQuerySchema",
    "StatementSchema",
    "TestClockAdvanceSchema",
    "TestClockSchema",
    "TestClockTurnSchema",
    "Text",
    "UtcTime",
    "WebAddress",
    "WebhookEndpointDraftSchema",
    "WebhookEndpointSchema",
    "WholeNumber",
    "first_error",
    "page_of",
    "strict_json",
    "utc_text",
]
