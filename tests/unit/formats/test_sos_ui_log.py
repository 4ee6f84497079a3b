"""ui.log of a sosreport."""

import pytest

from unreclaim.formats.sos_ui_log import parse_sos_ui_log


@pytest.mark.parametrize(
    ("text", "plugins"),
    [
        ("", set()),
        ("2020-02-11 19:23:16,004 INFO:  Running plugins. Please wait ...\n", set()),
        (
            "2020-02-11 19:28:17,311 ERROR: \n Plugin cgroups timed out\n\nx\n Plugin lvm2 timed out\n",
            {"cgroups", "lvm2"},
        ),
        ("Plugin timed out\nPlugin a b timed out\nPlugin cgroups timed out early\n", set()),
    ],
)
def test_plugins_that_ran_out_of_time_are_found(text: str, plugins: set[str]) -> None:
    """The parser finds each plugin that ran out of time, and nothing in other logs."""
    assert parse_sos_ui_log(text) == plugins
