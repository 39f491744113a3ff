import pytest

from ontology.records import Cloud, Device, Grade
from repository.sources.devices import has_camera, mebibytes, price_evidence, processor_kinds
from tests.repository.sources.conftest import Rows


@pytest.fixture(scope="module")
def devices(rows: Rows) -> dict[str, Device]:
    return {r.name: r for row in rows["device-specifications"] for _, r in row.records if isinstance(r, Device)}


@pytest.fixture(scope="module")
def clouds(rows: Rows) -> dict[str, Cloud]:
    return {r.name: r for row in rows["cloud-configurations"] for _, r in row.records if isinstance(r, Cloud)}


def test_memory_as_sold() -> None:
    assert mebibytes("4096") == 4096
    assert mebibytes("8.5") == 8.5  # ESP32-S3: 512 KiB inside, 8 MiB beside it
    assert mebibytes("0.264") == 264 / 1024  # RP2040
    assert mebibytes("0.512") == 0.5  # MAX78000: 512 KiB of flash
    assert mebibytes("0.5") == 0.5  # STM32G0B1RE: 512 KiB of flash
    assert mebibytes("") is None


@pytest.mark.parametrize(
    ("cpu", "accelerator", "kinds"),
    [
        ("Broadcom BCM2711 Cortex-A72", "VideoCore VI", ("CPU", "GPU")),
        ("NXP i.MX 8M Cortex-A53", "Edge TPU (4 TOPS int8)", ("CPU", "TPU")),
        ("", "Movidius Myriad X VPU", ("VPU",)),
        ("Zynq-7020 Cortex-A9", "FPGA fabric", ("CPU", "FPGA")),
        ("TI TDA4VM Cortex-A72", "C7x DSP + MMA (8 TOPS)", ("CPU", "NPU", "DSP")),
        ("HiFi3 DSP + Cortex-M0", "Syntiant Core 2", ("CPU", "NPU", "DSP")),
        ("Snapdragon 8 Elite", "Adreno 830 + Hexagon NPU", ("CPU", "GPU", "NPU")),
        ("Cortex-A35 x2 + Cortex-M33", "GPU/NPU 1.35 TOPS", ("CPU", "GPU", "NPU")),
        ("Xtensa LX7", "", ("CPU",)),
    ],
)
def test_processor_kinds(cpu: str, accelerator: str, kinds: tuple[str, ...]) -> None:
    assert processor_kinds(cpu, accelerator) == kinds


def test_an_accelerator_that_nobody_reviewed_is_refused() -> None:
    with pytest.raises(ValueError, match="no reviewed word for the accelerator 'abacus'"):
        processor_kinds("Cortex-A53", "abacus")


def test_a_connector_counts_as_a_camera() -> None:
    assert has_camera("CSI connector, camera module sold apart") is True
    assert has_camera("none (OV7675 in the TinyML kit)") is False
    assert has_camera("") is None


def test_price_evidence_is_literature_only_for_a_named_page(devices: dict[str, Device]) -> None:
    assert price_evidence("price: target price in the Wikipedia table copied at example.org") is Grade.LITERATURE
    assert price_evidence("estimate (general knowledge)") is Grade.DECLARED
    assert sum(device.price_evidence is Grade.LITERATURE for device in devices.values()) == 11
    assert sum(device.price_evidence is Grade.DECLARED for device in devices.values()) == 50
    assert sum(device.price_usd is None for device in devices.values()) == 19


def test_a_raspberry_pi(devices: dict[str, Device]) -> None:
    pi = devices["raspberry-pi-3-model-b"]
    assert (pi.ram_mib, pi.price_usd, pi.has_camera, pi.device_power_w) == (1024, 35, True, 5.1)
    assert pi.operating_system == ("Raspberry Pi OS",)
    assert pi.framework == ("TensorFlow Lite", "ONNX Runtime", "OpenCV DNN", "ncnn")


def test_an_accelerator_has_no_cpu_and_no_system_of_its_own(devices: dict[str, Device]) -> None:
    stick = devices["google-coral-usb-accelerator"]
    assert (stick.cpu, stick.operating_system, stick.processor_kind) == (None, None, ("TPU",))


def test_absence_of_a_cloud_is_left_out(rows: Rows) -> None:
    left_out = [row for row in rows["cloud-configurations"] if row.outcome == "left out"]
    assert [(row.number, row.reason) for row in left_out] == [(28, "the absence of a cloud: a model then has none")]


def test_a_cloud_configuration(clouds: dict[str, Cloud]) -> None:
    assert len(clouds) == 27
    small = clouds["aws-t3-medium"]
    assert (small.vcpus, small.ram_gib, small.price_usd_per_hour, small.accelerator) == (2, 4, 0.0416, None)
    assert (small.shielded_execution, clouds["aws-c6i-xlarge"].shielded_execution) == (False, True)
    assert clouds["google-cloud-tpu-v2-8"].shielded_execution is None  # nothing is said
    assert {cloud.price_evidence for cloud in clouds.values()} == {Grade.DECLARED}
