"""What a path may carry where a route takes an id or a token. Anything else is an unknown path."""

from werkzeug.routing import BaseConverter


class PathWord(BaseConverter):
    """A path segment without control characters: none of our ids has one, and no database column takes NUL."""

    regex = r"[^/\x00-\x1f\x7f]+"
