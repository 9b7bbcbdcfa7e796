"""/docs: the reference of /v1 as a page, drawn from our own OpenAPI description. No script, nothing from elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Blueprint, current_app, render_template
from flask.json import dumps

from merchant_server.web.api.versions import CHANGES
from merchant_server.web.pages import page_blueprint

METHODS = ("get", "post", "patch", "delete")


def docs_pages() -> Blueprint:
    """Return the blueprint of the reference."""
    return page_blueprint("docs", __name__)
