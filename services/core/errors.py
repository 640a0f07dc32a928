"""Domain errors: types with a reason, told in Vietnamese and English. `services.rpc.status` maps them to gRPC.

NgocLinhError
├── InvalidField            a field of the request is out of range or malformed
│   └── InvalidPageToken    a page token that the list did not give
├── NotFound                the named resource does not exist
├── InputError              a file, text or geometry that cannot be used
│   ├── UnknownCoordinateSystem    projected numbers whose zone cannot be told
│   ├── UnusableCoordinateSystem   a deprecated or contradicting code
│   ├── UnreadableFile             empty, truncated, of an unknown kind
│   └── RefusedFile                refused on purpose
├── TooLarge                a stated limit is exceeded
├── Overloaded              too much to do now; come back later
├── FetchRefused            a page may not be fetched
├── FetchFailed             a page could not be fetched or holds no article
├── Conflict                the state of the resource forbids the call
├── Unavailable             a dependency does not answer
├── DeadlineExceeded        the call took longer than its deadline
├── Forbidden               the caller may not do this
│   ├── OutsideArea         what was asked is about an area that the caller may not see
│   └── PasswordChangeRequired    the caller has to change the password first
├── Unauthenticated         the caller is not known
│   └── Expired             a token or a session has ended
└── LicenceRefused          a model's licence forbids the use
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class NgocLinhError(Exception):
    """Base of all domain errors: what was wrong, where, and what to do, in both languages.

    Args:
        vi: message in Vietnamese.
        en: message in English.
        details: facts for machines; keys are lower_snake_case.
    """

    reason: ClassVar[str] = "INTERNAL"
    """Name in `ngoclinh.type.v1.ErrorReason` without its prefix."""

    def __init__(self, vi: str, en: str, details: Mapping[str, str] | None = None) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en
        self.details = dict(details or {})

    def message(self, lang: str) -> str:
        """The message in `lang` ("vi" or "en")."""
        return self.vi if lang == "vi" else self.en


class InvalidField(NgocLinhError):
    """A field of the request is out of range or malformed."""

    reason = "INVALID_FIELD"

    def __init__(self, field: str, vi: str, en: str) -> None:
        super().__init__(f"{field}: {vi}", f"{field}: {en}", {"field": field})
        self.field = field


class InvalidPageToken(InvalidField):
    """A page token that this list did not give for this filter."""

    reason = "INVALID_PAGE_TOKEN"

    def __init__(self) -> None:
        super().__init__(
            "page_token",
            "không phải mã trang của danh sách này; hãy gọi lại từ trang đầu",
            "not a token of this list; start again from the first page",
        )


class NotFound(NgocLinhError):
    """The named resource does not exist."""

    reason = "NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"Không tìm thấy {name}.", f"{name} does not exist.", {"name": name})


class InputError(NgocLinhError):
    """A file, text or geometry that cannot be used."""

    reason = "UNREADABLE_FILE"


class UnknownCoordinateSystem(InputError):
    """Projected numbers whose coordinate system cannot be told."""

    reason = "UNKNOWN_COORDINATE_SYSTEM"


class UnusableCoordinateSystem(InputError):
    """A deprecated coordinate system, or one that contradicts the coordinates."""

    reason = "UNUSABLE_COORDINATE_SYSTEM"


class UnreadableFile(InputError):
    """An empty, truncated or unknown file."""

    reason = "UNREADABLE_FILE"


class RefusedFile(InputError):
    """A file that is refused on purpose, such as OGR-VRT under another name."""

    reason = "REFUSED_FILE"


class TooLarge(NgocLinhError):
    """A stated limit is exceeded."""

    reason = "TOO_LARGE"


class Overloaded(NgocLinhError):
    """There is too much to do now.

    Args:
        retry_after_s: seconds after which a new try makes sense.
    """

    reason = "OVERLOADED"

    def __init__(self, vi: str, en: str, retry_after_s: float = 1.0) -> None:
        super().__init__(vi, en)
        self.retry_after_s = retry_after_s


class FetchRefused(NgocLinhError):
    """A page may not be fetched: robots.txt, a private address, a refusal of the site."""

    reason = "FETCH_REFUSED"


class FetchFailed(NgocLinhError):
    """A page could not be fetched, or holds no article."""

    reason = "FETCH_FAILED"


class Conflict(NgocLinhError):
    """The state of the resource forbids the call."""

    reason = "CONFLICT"


class Unavailable(NgocLinhError):
    """A dependency does not answer."""

    reason = "UNAVAILABLE"


class DeadlineExceeded(NgocLinhError):
    """The call took longer than its deadline."""

    reason = "DEADLINE"

    def __init__(self) -> None:
        super().__init__("Quá thời hạn trả lời.", "The call took longer than its deadline.")


class Forbidden(NgocLinhError):
    """The caller may not do this."""

    reason = "FORBIDDEN"


class OutsideArea(Forbidden):
    """What was asked is about an area that the caller may not see."""

    reason = "OUTSIDE_AREA"

    def __init__(self, areas: str = "") -> None:
        super().__init__(
            "Ngoài địa bàn được giao cho người dùng này.",
            "This lies outside the watch areas of this user.",
            {"areas": areas} if areas else {},
        )


class PasswordChangeRequired(Forbidden):
    """The caller has to change the password first."""

    reason = "PASSWORD_CHANGE_REQUIRED"

    def __init__(self) -> None:
        super().__init__("Cần đổi mật khẩu trước khi tiếp tục.", "The password has to be changed first.")


class Unauthenticated(NgocLinhError):
    """The caller is not known."""

    reason = "UNAUTHENTICATED"

    def __init__(
        self, vi: str = "Cần đăng nhập.", en: str = "Sign in first.", details: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(vi, en, details)


class Expired(Unauthenticated):
    """A token or a session has ended."""

    reason = "EXPIRED"

    def __init__(self) -> None:
        super().__init__("Phiên đăng nhập đã hết hạn; hãy đăng nhập lại.", "The session has ended; sign in again.")


class LicenceRefused(NgocLinhError):
    """The licence of a model directory forbids the use."""

    reason = "LICENCE"
