"""What systemd says of a unit that it has loaded."""

from msgspec import Struct


class Unit(Struct, frozen=True):
    """One unit; None: systemd does not say (this kind of unit, this version, or this question has no such answer).

    restart_seconds, restart_max_delay_seconds and start_limit_interval_seconds may be infinite. standard_output: as
    StandardOutput= has it (``journal``, ``append:/var/log/app.log``). accept: of a socket, whether each connection has
    an instance of its own.
    """

    name: str
    description: str | None = None
    load_state: str | None = None
    active_state: str | None = None
    sub_state: str | None = None
    result: str | None = None
    fragment_path: str | None = None
    drop_in_paths: tuple[str, ...] = ()
    control_group: str | None = None
    slice: str | None = None
    service_type: str | None = None
    standard_output: str | None = None
    restart: str | None = None
    restart_seconds: float | None = None
    restart_steps: int | None = None
    restart_max_delay_seconds: float | None = None
    start_limit_interval_seconds: float | None = None
    start_limit_burst: int | None = None
    nr_restarts: int | None = None
    memory_accounting: bool | None = None
    accept: bool | None = None
    triggered_by: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    active_enter_unix_seconds: float | None = None
