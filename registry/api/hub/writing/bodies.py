"""What the Hub's clients send as JSON to change something; fields that change nothing here are passed over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import Base64Bytes, BaseModel, Field, ValidationError
from starlette.requests import Request

from registry.api.problems import of_validation
from registry.api.wire import read_capped, read_json


class NewRepo(BaseModel):
    """`create_repo`."""

    name: str
    organization: str | None = None
    type: str | None = None


class Card(BaseModel):
    """`validate-yaml`: the whole README.md."""

    content: str


class Announced(BaseModel):
    """A file that will be sent. `sample` are its first 512 bytes in base64."""

    path: str
    sample: Base64Bytes = b""
    size: int = Field(ge=0)


class Preupload(BaseModel):
    """`preupload`."""

    files: list[Announced] = Field(max_length=1000)


class Tag(BaseModel):
    """`create_tag`."""

    tag: str = Field(max_length=200)
    message: str | None = None


class LfsObject(BaseModel):
    """An object of Git LFS."""

    oid: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class LfsBatch(BaseModel):
    """`objects/batch`."""

    operation: str
    transfers: list[str] = Field(default_factory=lambda: ["basic"])
    objects: list[LfsObject] = Field(max_length=1000)
    hash_algo: str = "sha256"


Body = TypeVar("Body", bound=BaseModel)


def sent_as(kind: type[Body]) -> Callable[[Request], Awaitable[Body]]:
    """A dependency that reads the JSON body as `kind`. Raises: UsageError, TooLargeError."""

    async def read(request: Request) -> Body:
        data = read_json(await read_capped(request), "body")
        try:
            return kind.model_validate(data)
        except ValidationError as error:
            raise of_validation([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from error

    return read
