"""This machine as a device: asked for once, before anything is measured on it."""

from __future__ import annotations

from datetime import date
from functools import cache

import streamlit as st

from device.machine import this_machine
from device.measured import Machine
from repository import this_device
from repository.this_device import DeviceProfile, ProfileError
from wizard import session
from wizard.words import number, plain

_PROBLEM = "machine-problem"
_FIELDS = ("machine-label", "machine-kind", "machine-price")


@cache
def machine() -> Machine:
    """The machine that the app runs on."""
    return this_machine()


def known() -> DeviceProfile | None:
    """What its owner has said of it."""
    return this_device.load(session.settings().home, machine().fingerprint)


def show() -> None:
    """Name, kind and price, open until they have been said; what is wrong stands under its field."""
    said = known()
    kinds = session.choices()["dtype"]
    before = said or this_device.unnamed(machine().fingerprint, machine().cpu)
    price = "" if before.price_usd is None else f"{number(before.price_usd)} USD"
    for key, value in zip(_FIELDS, (before.label, before.device_type, price), strict=True):
        st.session_state.setdefault(key, value)
    problem = st.session_state.get(_PROBLEM, "")
    title = f"Measured on: {plain(before.label)}" if said else "This machine becomes a device on record. What is it?"
    with st.expander(title, expanded=said is None or bool(problem)):
        st.caption(f"{plain(machine().cpu)}, {machine().cores} cores, {machine().memory_mib / 1024:.0f} GiB")
        st.text_input("Name", key=_FIELDS[0], max_chars=this_device.LONGEST_LABEL)
        _told(problem, "name")
        left, right = st.columns(2)
        with left:
            st.selectbox("Kind of device", list(kinds), key=_FIELDS[1], format_func=kinds.__getitem__)
            _told(problem, "kind")
        with right:
            st.text_input("Price of one", key=_FIELDS[2], placeholder="not known (USD)", max_chars=40)
            _told(problem, "price")


def is_described() -> bool:
    """Keep what stands in the fields; False, and told under the field at the next run, when it cannot be used."""
    label, kind, price = (st.session_state.get(key) for key in _FIELDS)
    st.session_state.pop(_PROBLEM, None)
    try:
        said = this_device.profile(
            machine().fingerprint, str(label or ""), str(kind or ""), price, session.choices()["dtype"], date.today()
        )
    except ProfileError as error:
        st.session_state[_PROBLEM] = str(error)
        return False
    before = known()
    if before is None or (said.label, said.device_type, said.price_usd) != (
        before.label, before.device_type, before.price_usd,
    ):  # fmt: skip
        this_device.save(session.settings().home, said)
    return True


def _told(problem: str, field: str) -> None:
    """The message of `ProfileError` names its field first: “the device's price …”, “… is no kind of device”."""
    place = "name" if "device's name" in problem else "price" if "device's price" in problem else "kind"
    if problem and place == field:
        st.error(plain(problem), icon=":material/error:")
