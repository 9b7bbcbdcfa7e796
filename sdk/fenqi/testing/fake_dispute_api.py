"""The fake server's routes of disputes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fenqi.testing.fake_answers import Answer, Refused, page
from fenqi.testing.fake_disputes import FakeDispute, FakeDisputes, dispute_json, thin_dispute_json
from fenqi.wire import DisputeQuerySchema, EmptySchema, EvidenceDraftSchema, strict_json


class DisputeHandlers:
    """Mixed into the fake API, which gives the business time and JSON answers."""

    disputes: FakeDisputes

    def business_now(self) -> datetime:
        raise NotImplementedError

    def _json(self, status: int, body: Mapping[str, Any]) -> Answer:
        raise NotImplementedError

    def list_disputes(self, query: dict[str, str], _: bytes) -> Answer:
        wanted = DisputeQuerySchema().load(query)
        rows = [
            shown
            for shown in map(thin_dispute_json, reversed(self.disputes.disputes.values()))
            if wanted["loan_id"] in (None, shown["loan_id"]) and wanted["status"] in (None, shown["status"])
        ]
        return self._json(200, page(rows, wanted["limit"], wanted["cursor"]))

    def retrieve_dispute(self, _: dict[str, str], __: bytes, dispute_id: str) -> Answer:
        return self._json(200, dispute_json(self._dispute(dispute_id)))

    def submit_evidence(self, _: dict[str, str], body: bytes, dispute_id: str) -> Answer:
        draft, dispute = EvidenceDraftSchema().load(strict_json(body)), self._dispute(dispute_id)
        self.disputes.submit_evidence(dispute, draft["text"], draft["links"], self.business_now())
        return self._json(200, dispute_json(dispute))

    def challenge_dispute(self, _: dict[str, str], body: bytes, dispute_id: str) -> Answer:
        EmptySchema().load(strict_json(body))
        dispute = self._dispute(dispute_id)
        self.disputes.challenge(dispute, self.business_now())
        return self._json(200, dispute_json(dispute))

    def accept_dispute(self, _: dict[str, str], body: bytes, dispute_id: str) -> Answer:
        EmptySchema().load(strict_json(body))
        dispute = self._dispute(dispute_id)
        self.disputes.accept(dispute, self.business_now())
        return self._json(200, dispute_json(dispute))

    def _dispute(self, dispute_id: str) -> FakeDispute:
        if dispute_id not in self.disputes.disputes:
            raise Refused(404, "not_found", "There is no such dispute.")
        return self.disputes.disputes[dispute_id]


DISPUTE_ROUTES = (
    ("/v1/disputes", {"GET": DisputeHandlers.list_disputes}),
    ("/v1/disputes/([^/]+)", {"GET": DisputeHandlers.retrieve_dispute}),
    ("/v1/disputes/([^/]+)/evidence", {"POST": DisputeHandlers.submit_evidence}),
    ("/v1/disputes/([^/]+)/challenge", {"POST": DisputeHandlers.challenge_dispute}),
    ("/v1/disputes/([^/]+)/accept", {"POST": DisputeHandlers.accept_dispute}),
)
