"""What a device's signature shows: that not a digit was changed, and which package wrote it."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.signed import Key, SignatureError, is_result, new_key, sign, verify
from tests.repository.registered import MEASURED

TODAY = date(2026, 11, 20)
KEY = Key("a1b2c3d4e5f6", "2026-11-19", "00" * 32)
OTHER = Key("0f0f0f0f0f0f", "2026-11-19", "11" * 32)
KEYS = {KEY.id: KEY, OTHER.id: OTHER}
SIGNED = sign(MEASURED, KEY)


def changed(**more: Any) -> bytes:
    """The signed result with something of it changed afterwards."""
    return json.dumps(json.loads(SIGNED) | more).encode()


def figures(**more: Any) -> bytes:
    return changed(measured=json.loads(SIGNED)["measured"] | more)


def test_what_was_signed_comes_back_to_the_last_digit() -> None:
    found = verify(SIGNED.encode(), KEYS, TODAY)
    assert (found.measured, found.package, found.package_made) == (MEASURED, KEY.id, "2026-11-19")


def test_the_signature_is_hmac_sha256_over_sorted_json_without_blanks() -> None:
    body = json.loads(SIGNED)
    told = body.pop("signature")
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    assert text.startswith('{"dlom_result":1,"measured":{"accuracy_high_percent":95.0,')
    assert told == hmac.new(bytes(32), text.encode(), hashlib.sha256).hexdigest()


def test_blanks_and_order_mean_nothing() -> None:
    body = json.loads(SIGNED)
    turned = json.dumps(dict(reversed(list(body.items()))), separators=(",", ":"))
    assert verify(turned.encode(), KEYS, TODAY).measured == MEASURED


NUMBERS = sorted(name for name, v in json.loads(MEASURED.to_json()).items() if type(v) in (int, float))


@given(name=st.sampled_from(NUMBERS), by=st.sampled_from([1e-9, 0.001, 1, -0.5]))
def test_no_figure_can_be_changed(name: str, by: float) -> None:
    before = getattr(MEASURED, name)
    with pytest.raises(SignatureError, match=r"was altered after package a1b2c3d4e5f6 of 2026-11-19 signed it"):
        verify(figures(**{name: before + by * max(1, abs(before))}), KEYS, TODAY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (figures(noisy=True), "was altered"),
        (figures(machine={"fingerprint": "0" * 12}), "was altered"),
        (figures(sha256="e" * 64), "was altered"),
        (changed(more="a remark"), "was altered"),
        (changed(package={"id": KEY.id, "made": "2026-11-20"}), "was altered"),
        (changed(signature="0" * 64), "was altered"),
        (changed(signature="Ω"), "was altered"),
        (changed(signature=None), "lacks its signature"),
        (changed(package={"id": 7}), "lacks its signature or its package"),
        (changed(package={"id": "fedcba987654", "made": "2026-11-19"}), "'fedcba987654', which was not made here"),
        (changed(package={"id": OTHER.id, "made": OTHER.made}), "was altered"),
        (changed(dlom_result=2), "has the form 2, known is 1"),
        (b'{"dlom_result": 1, "signature": NaN}', "NaN is no number"),
        (b'{"dlom_result": 1', "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"{}", "no result of a device package"),
        (b" " * 2_000_000, "at most 1,048,576"),
    ],
)
def test_what_is_not_as_a_package_wrote_it_is_refused_with_the_reason(text: bytes, said: str) -> None:
    with pytest.raises(SignatureError, match=said):
        verify(text, KEYS, TODAY)


def test_lists_in_lists_end_in_a_refusal_however_deep_they_go() -> None:
    """One that is just read is not always just written again."""
    for deep in range(500, 1100):
        nested = b'{"dlom_result": 1, "signature": "", "package": {"id": "%s"}, "more": ' % KEY.id.encode()
        with pytest.raises(SignatureError):
            verify(nested + b"[" * deep + b"]" * deep + b"}", KEYS, TODAY)


def test_a_result_under_the_name_of_another_package_tells_who_signed_it() -> None:
    body = json.loads(sign(MEASURED, Key(KEY.id, KEY.made, OTHER.secret)))
    with pytest.raises(SignatureError, match=f"of package {KEY.id}, but {OTHER.id} signed it"):
        verify(json.dumps(body).encode(), KEYS, TODAY)


@pytest.mark.parametrize(("made", "today"), [("2026-11-22", date(2026, 11, 22)), ("2026-11-19", date(2026, 11, 18))])
def test_a_day_before_the_package_or_to_come_means_that_a_clock_is_wrong(made: str, today: date) -> None:
    key = Key(KEY.id, made, KEY.secret)
    with pytest.raises(SignatureError, match=r"measured on 2026-11-20, with a package of .* set the device's clock"):
        verify(sign(MEASURED, key).encode(), {key.id: key}, today)


def test_a_field_that_is_not_known_here_asks_for_a_new_package() -> None:
    body = json.loads(SIGNED)
    body["measured"]["colour"] = "red"
    del body["signature"]
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    body["signature"] = hmac.new(bytes(32), text.encode(), hashlib.sha256).hexdigest()
    with pytest.raises(SignatureError, match=r"fields differ: colour.*make a new package"):
        verify(json.dumps(body).encode(), KEYS, TODAY)


def test_a_result_is_told_from_other_json() -> None:
    assert is_result(SIGNED.encode())
    assert not any(map(is_result, (b'[{"dlom_result": 1}]', b'{"a": "dlom_result"}', b"dlom_result", b"\xff\xfe")))


def test_each_key_is_its_own_and_is_read_as_it_was_written() -> None:
    one, two = new_key(TODAY), new_key(TODAY)
    assert one.secret != two.secret and one.id != two.id
    assert Key.from_json(one.to_json()) == one
    for wrong in ("{}", "[]", '{"id": "a", "made": "2026-11-20", "secret": "00"}', '{"id": 1, "made": "x"}'):
        with pytest.raises(ValueError, match=r"not a key|Invalid isoformat"):
            Key.from_json(wrong)
