"""Settings: the only reader of the environment. Read once at start, validated, frozen, passed down."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

APP = "atelier"
PREFIX = "ATELIER_"


class SettingsError(Exception):
    """A setting is wrong; the message is one sentence that says which and why."""


class Settings(BaseSettings):
    """Everything that can be set, as environment variables `ATELIER_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that the web server listens on; 0 takes a free one.")
    data: Path = Field(Path("data"), description="Folder for photos, artworks, caches and the embedded Redis.")
    redis_url: str | None = Field(None, description="An existing Redis to use instead of the embedded one.")
    styles: Path | None = Field(None, description="Folder of the owner's own paintings.")
    extractor: Literal["auto", "compact", "vgg19", "vgg16"] = Field(
        "auto", description="What `auto` in a job stands for."
    )
    models: Path | None = Field(
        None,
        description="Where downloaded weights are kept; by default `models` below `ATELIER_DATA` where that is set, "
        "else in the user's own data folder.",
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        description="What a worker computes on: `cpu`, `cuda`, `cuda:N`, or `auto`, which is CUDA where it works.",
    )
    stall_s: float = Field(
        600.0, gt=0, description="Seconds without a finished evaluation after which a worker's process is replaced."
    )
    threads: int | None = Field(None, ge=1, description="Threads a worker computes with; all processors by default.")
    upload_limit_mb: int = Field(40, ge=1, description="Largest accepted upload in megabytes.")
    form_limit_mb: int = Field(
        400,
        ge=1,
        description="Largest accepted form of several photos in megabytes; with scripts each comes by itself.",
    )
    photo_limit_mp: int = Field(100, ge=1, description="Largest accepted photo in megapixels.")
    decode_time_limit_s: int = Field(20, ge=1, description="Seconds that opening one uploaded photo may take.")
    decode_memory_mb: int = Field(
        2000, ge=256, description="Megabytes of address space that opening one uploaded photo may take."
    )
    least_free_mb: int = Field(
        500,
        ge=1,
        description="Megabytes that must be free on the disk of `ATELIER_DATA` for an upload to be taken in; "
        "below, what was accepted before is still painted.",
    )
    lease_s: float = Field(30.0, gt=0, description="Seconds after which a silent worker's job goes to another.")
    heartbeat_s: float = Field(5.0, gt=0, description="Seconds between two renewals of a lease.")
    checkpoint_s: float = Field(10.0, gt=0, description="Seconds of work that a crash may cost at most.")
    preview_s: float = Field(1.0, gt=0, description="Seconds between two previews.")
    max_attempts: int = Field(
        3, ge=1, description="How often a job is tried without getting further when workers die with it."
    )
    job_time_limit_s: int = Field(21600, ge=60, description="Seconds after which a job is given up.")
    retention_h: float = Field(
        24.0,
        gt=0,
        description="Hours that photos with their artworks, and own paintings, are kept after their last job.",
    )
    sweep_s: float = Field(60.0, gt=0, description="Seconds between two looks for photos whose time has come.")
    worker_memory_gb: float | None = Field(
        None,
        gt=0,
        description="Memory a worker has for a job; by default three quarters of what is free when it begins.",
    )
    client_jobs: int = Field(20, ge=0, description="Most jobs that one client may have under way; 0 is no limit.")
    series_photos: int = Field(
        50, ge=0, description="Most photos of one client's series that may be under way at once; 0 is no limit."
    )
    queue_limit: int = Field(2000, ge=0, description="Most jobs that may wait; 0 is no limit.")
    client_quota_mb: int = Field(
        50_000,
        ge=0,
        description="Most megabytes that may be kept of one client, photos with their artworks; 0 is no limit.",
    )
    quota_mb: int = Field(0, ge=0, description="Most megabytes that may be kept of all clients; 0 is no limit.")
    write_rate: str = Field("60/minute", description="Most uploads, jobs and other changes of one address; empty: any.")
    read_rate: str = Field("1800/minute", description="Most pages, polls and pictures of one address; empty: any.")
    head_time_limit_s: float = Field(
        20.0, gt=0, description="Seconds within which the headers of a request must have arrived."
    )
    silence_limit_s: float = Field(
        60.0, gt=0, description="Seconds that an upload may stand still before its connection is closed."
    )
    address_connections: int = Field(
        256, ge=0, description="Most connections of one address at a time, of a listed proxy any; 0 is no limit."
    )
    offline: bool = Field(
        True,
        description="Whether a browser keeps previews of its own wall, to show them without a network; where this is "
        "off, browsers drop what they kept when they next open a page.",
    )
    hosts: str = Field(
        "",
        description="Names that the site may be asked for, comma-separated; `*` is any. By default any, unless it "
        "listens on this machine alone and no proxy is listed: then this machine's.",
    )
    trusted_proxies: str = Field(
        "", description="Addresses and networks of proxies whose X-Forwarded headers are believed, comma-separated."
    )
    root_path: str = Field(
        "", description="Path that the site lies below, such as `/atelier`, where a proxy gives it no name of its own."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged.")

    @field_validator("root_path")
    @classmethod
    def without_its_last_slash(cls, path: str) -> str:
        path = path.removesuffix("/")
        if not re.fullmatch(r"(/\w[\w.~-]*)*", path, re.ASCII):
            raise ValueError("write it like /atelier")
        return path

    @property
    def cookie_path(self) -> str:
        """The path whose requests our cookies belong to."""
        return self.root_path or "/"

    @property
    def retention_s(self) -> float:
        """How long a photo and its artworks are kept after its last job, in seconds."""
        return self.retention_h * 3600

    @property
    def least_free_bytes(self) -> int:
        """How much must be free for an upload to be taken in."""
        return self.least_free_mb * 1_000_000

    @property
    def models_cache(self) -> Path:
        """Where downloaded weights are kept: for its user's service and shell the same, in whatever folder they run."""
        return self.models or (self.data if self._has_data else user_data_path(APP, appauthor=False)) / "models"

    @property
    def originals_cache(self) -> Path:
        """Where fetched originals of built-in paintings are kept: for service and shell the same, as weights are."""
        return (self.data if self._has_data else user_cache_path(APP, appauthor=False)) / "originals"

    @property
    def _has_data(self) -> bool:
        """Whether somebody has said where the data are to be."""
        return "data" in self.model_fields_set

    def of_shell(self) -> Settings:
        """The same for the shell, which keeps its caches in the user's own folder instead of the current one."""
        if self._has_data:
            return self
        return self.model_copy(update={"data": user_cache_path(APP, appauthor=False), "models": self.models_cache})


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: a value does not fit, or a variable with our prefix is none of ours.
    """
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, 1)
            hint = f" Did you mean {near[0]}?" if near else " docs/operating.md lists all settings."
            raise SettingsError(f"{name} is not a setting of Atelier.{hint}")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        why = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{PREFIX}{str(first['loc'][0]).upper()} does not fit: {why}.") from error
