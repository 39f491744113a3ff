"""What the `DLOM_*` variables may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from ontology.settings import CHECKOUT, Settings, SettingsError


@pytest.mark.parametrize("environ", [{}, {"DLOM_HOME": " ", "DLOM_PORT": "", "PORT": "80"}])
def test_what_is_not_given_has_a_default(environ: dict[str, str]) -> None:
    settings = Settings.from_environment(environ)
    assert settings == Settings(home=CHECKOUT / ".dlom", facts=CHECKOUT / "repository" / "facts")
    assert settings.address == "http://127.0.0.1:8501"
    assert (CHECKOUT / "ontology" / "settings.py").is_file()


def test_what_is_given_is_taken(tmp_path: Path) -> None:
    given = {"DLOM_HOME": f"{tmp_path}/new", "DLOM_FACTS": str(tmp_path), "DLOM_HOST": "0.0.0.0", "DLOM_PORT": "9000"}
    assert Settings.from_environment(given) == Settings(
        home=tmp_path / "new", facts=tmp_path, host="0.0.0.0", port=9000
    )
    assert not (tmp_path / "new").exists()


def test_a_relative_folder_starts_here_and_a_tilde_is_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    assert Settings.from_environment({"DLOM_HOME": "state"}).home == tmp_path / "state"
    assert Settings.from_environment({"DLOM_HOME": "~/state"}).home == Path("/home/ada/state")


def test_the_address_of_an_ipv6_host_is_bracketed() -> None:
    assert Settings.from_environment({"DLOM_HOST": "::1"}).address == "http://[::1]:8501"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("DLOM_PORT", "http", "DLOM_PORT='http' is not a port; write a number from 1 to 65535, such as 8501"),
        ("DLOM_PORT", "0", "not a port"),
        ("DLOM_QUERY_SECONDS", "0", "DLOM_QUERY_SECONDS='0' cannot be used; write a whole number from 1 to 3,600"),
        ("DLOM_QUERY_SECONDS", "1.5", "write a whole number"),
        ("DLOM_QUERY_ROWS", "-1", "write a whole number"),
        ("DLOM_QUERY_MIB", "100", "write a whole number from 512"),
        ("DLOM_QUERY_WORKERS", "65", "write a whole number from 1 to 64"),
        ("DLOM_PORT", "65536", "not a port"),
        ("DLOM_PORT", "-1", "not a port"),
        ("DLOM_PORT", "tcp://10.0.0.1:80", "not a port"),  # what Kubernetes sets for a service called dlom
        ("DLOM_HOST", "http://localhost", "DLOM_HOST='http://localhost' is not an address; write 127.0.0.1"),
        ("DLOM_HOST", "a b", "not an address"),
        ("DLOM_HOME", __file__, "is a file; write the path of a folder"),
        ("DLOM_HOME", "~nobody-of-this-name/x", "write the folder in full"),
        ("DLOM_HOME", "a" * 5000, "cannot be used"),
        ("DLOM_FACTS", "/not/there", "DLOM_FACTS=/not/there is not there; write a folder of facts"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(variable: str, value: str, told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({variable: value})
    assert told in str(refused.value)
    assert variable in str(refused.value)


def test_the_limits_of_a_query_can_be_set() -> None:
    given = {"DLOM_QUERY_SECONDS": "60", "DLOM_QUERY_ROWS": "5", "DLOM_QUERY_MIB": "4096", "DLOM_QUERY_WORKERS": "8"}
    limits = Settings.from_environment(given).queries
    assert (limits.seconds, limits.rows, limits.memory_mib, limits.workers) == (60, 5, 4096, 8)
    untouched = Settings.from_environment({"DLOM_QUERY_ROWS": " "}).queries
    assert (untouched.seconds, untouched.rows, untouched.memory_mib, untouched.workers) == (30, 100_000, 2048, 2)
