from collections import Counter
from collections.abc import Mapping
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ontology.records import Device, Grade, Model, Part, Performance, Record, TrainedNetwork
from repository.sources.aihub import ONE_PASS, SAME_RUN, count
from repository.sources.rows import table
from repository.sources.shelf import FACTS
from tests.repository.sources.conftest import Rows

Records = Mapping[str, Record]


def model(records: Records, name: str) -> Model:
    found = records[f"Model:aihub-{name}"]
    assert isinstance(found, Model)
    return found


def performance(records: Records, name: str) -> Performance:
    found = records[f"Performance:aihub-{name}"]
    assert isinstance(found, Performance)
    return found


def test_a_plain_row(aihub: Records) -> None:
    chosen = model(aihub, "mobilenet_v2-w8a8-tflite-samsung-galaxy-s24")
    assert (chosen.network, chosen.optimization, chosen.device) == ("mobilenet-v2", "w8a8", "samsung-galaxy-s24")
    assert (chosen.runtime, chosen.purpose) == ("litert-npu", "image-classification")
    assert (chosen.licence, chosen.commercial_use) == ("Apache-2.0", True)
    assert chosen.obtain == "https://aihub.qualcomm.com/models/mobilenet_v2"
    run = performance(aihub, "mobilenet_v2-w8a8-tflite-samsung-galaxy-s24-run")
    assert (run.inference_latency_ms, run.peak_memory_mib, run.size_kib) == (0.289, 41.0, None)
    assert (run.evidence, run.obtained, run.current) == (Grade.PUBLISHED, date(2026, 2, 12), True)
    assert chosen.performance == (run.name, "aihub-mobilenet_v2-w8a8-tflite-samsung-galaxy-s24-accuracy")


def test_printed_kilobytes_are_kibibytes(aihub: Records) -> None:
    # 3.49M parameters of 4 bytes: 13,633 KiB or 13,960 KB; printed is 13,619 (3.4865M, rounded to 3.49M).
    network = aihub["TrainedNetwork:aihub-mobilenet_v2"]
    assert isinstance(network, TrainedNetwork)
    run = performance(aihub, "mobilenet_v2-float-tflite-samsung-galaxy-s24-run")
    assert (network.parameters, run.size_kib) == (3_490_000, 13_619.0)
    assert abs(13_619 * 1024 / 4 - 3_490_000) < 5_000 < abs(13_619 * 1000 / 4 - 3_490_000)


def test_runtime_operators_are_not_layers(aihub: Records) -> None:
    network = aihub["TrainedNetwork:aihub-mobilenet_v2"]
    assert isinstance(network, TrainedNetwork)
    assert network.layers is None
    assert performance(aihub, "mobilenet_v2-w8a8-tflite-samsung-galaxy-s24-run").runtime_operators == 108


def test_components_are_one_model_and_one_pass_adds_up(aihub: Records) -> None:
    name = "mediapipe_face-float-tflite-samsung-galaxy-s24"
    run = performance(aihub, f"{name}-run")
    assert run.inference_latency_ms == 0.543  # 0.392 detector + 0.151 landmarks
    assert run.runtime_operators == 210  # 110 + 100
    assert (run.peak_memory_mib, run.size_kib) == (None, None)
    assert run.part == (f"aihub-{name}-facedetector", f"aihub-{name}-facelandmarkdetector")
    part = aihub[f"Part:aihub-{name}-facedetector"]
    assert isinstance(part, Part)
    assert (part.part_latency_ms, part.part_peak_memory_mib, part.part_compute_unit) == (0.392, 40.0, "NPU")


def test_a_decoder_runs_once_a_token_so_there_is_no_total(aihub: Records) -> None:
    run = performance(aihub, "trocr-float-tflite-samsung-galaxy-s24-run")
    assert (run.inference_latency_ms, run.runtime_operators, run.peak_memory_mib) == (None, None, None)
    parts = [aihub[f"Part:{name}"] for name in run.part or ()]
    assert [(p.label, p.part_latency_ms) for p in parts if isinstance(p, Part)] == [
        ("TrOCRDecoder", 1.404),
        ("TrOCREncoder", 8.625),
    ]


def test_which_models_in_several_parts_have_a_total(aihub: Records) -> None:
    in_parts = {n.partition("-")[2].partition("-")[0]: r for n, r in aihub.items() if n.endswith("-run") and _parts(r)}
    totals = {name for name, run in in_parts.items() if isinstance(run, Performance) and run.inference_latency_ms}
    assert totals == set(ONE_PASS)
    assert sorted(set(in_parts) - totals) == [
        "controlnet_canny",
        "deepbox",
        "easyocr",
        "mobilesam",
        "opus_mt_en_es",
        "opus_mt_en_zh",
        "opus_mt_es_en",
        "opus_mt_zh_en",
        "sam2",
        "stable_diffusion_v1_5",
        "stable_diffusion_v2_1",
        "track_anything",
        "trocr",
        "whisper_base",
        "whisper_large_v3_turbo",
        "whisper_small",
        "whisper_small_quantized",
        "whisper_tiny",
        "zipformer",
    ]


def _parts(record: Record) -> bool:
    return isinstance(record, Performance) and record.part is not None


def test_the_unit_that_really_ran_decides_the_runtime(aihub: Records) -> None:
    assert model(aihub, "bgnet-w8a8-onnx-snapdragon-7-gen-4-qrd").runtime == "onnx-runtime-cpu"
    mixed = model(aihub, "easyocr-w8a8-tflite-samsung-galaxy-s24")
    assert mixed.runtime == "litert-mixed"
    parts = [aihub[f"Part:{n}"] for n in performance(aihub, "easyocr-w8a8-tflite-samsung-galaxy-s24-run").part or ()]
    assert [p.part_compute_unit for p in parts if isinstance(p, Part)] == ["NPU", "CPU"]
    # One-pass models on mixed units add up too: 30.494 on the NPU + 846.324 on the CPU.
    run = performance(aihub, "detectron2_detection-float-tflite-samsung-galaxy-s24-run")
    assert run.inference_latency_ms == 876.818


def test_peak_memory_printed_as_zero_is_no_figure(aihub: Records) -> None:
    run = performance(aihub, "bert_base_uncased_hf-float-qnn_dlc-snapdragon-x-elite-crd-run")
    assert run.inference_latency_ms == 22.512
    assert run.peak_memory_mib is None
    assert "printed as 0" in (run.source_detail or "")
    assert not any(isinstance(r, Performance) and r.peak_memory_mib == 0 for r in aihub.values())
    zero = Counter(r["device"] for _, r in table(FACTS, "aihub_perf.csv") if float(r["peak_memory_max_mb"]) == 0)
    assert zero == {"Snapdragon X Elite CRD": 115}  # the only device with Windows


def test_accuracy_is_measured_on_one_device_and_carried_to_the_others(aihub: Records) -> None:
    measured = performance(aihub, "mobilenet_v2-w8a8-tflite-samsung-galaxy-s25-accuracy")
    assert (measured.accuracy_percent, measured.original_value, measured.metric_value) == (70.6, 72.4, None)
    assert (measured.metric, measured.test_set, measured.samples) == ("top-1", "imagenet-val-1000", 1000)
    assert measured.carried_from is None
    carried = performance(aihub, "mobilenet_v2-w8a8-tflite-samsung-galaxy-s24-accuracy")
    assert (carried.accuracy_percent, carried.carried_from) == (70.6, measured.name)


def test_other_metrics_keep_their_name(aihub: Records) -> None:
    pose = performance(aihub, "hrnet_pose-w8a8-tflite-samsung-galaxy-s25-accuracy")
    assert (pose.accuracy_percent, pose.metric, pose.metric_value, pose.original_value) == (None, "map", 80.4, 81.2)
    own = [r for r in aihub.values() if isinstance(r, Performance) and r.metric and not r.carried_from]
    assert len(own) == 491
    assert sum(r.accuracy_percent is not None for r in own) == 216
    assert Counter(r.metric for r in own if r.accuracy_percent is not None) == {"top-1": 197, "masked-lm-top-1": 19}


def test_masked_word_accuracies_are_kept_as_printed_with_a_warning(aihub: Records) -> None:
    bert = performance(aihub, "bert_base_uncased_hf-float-tflite-samsung-galaxy-s25-accuracy")
    assert bert.accuracy_percent == 0.744
    assert "looks like a fraction" in (bert.source_detail or "")


def test_accuracy_without_a_profile_makes_a_model_with_accuracy_alone(aihub: Records) -> None:
    chosen = model(aihub, "hrnet_w48_ocr-float-tflite-samsung-galaxy-s25")
    assert chosen.performance == ("aihub-hrnet_w48_ocr-float-tflite-samsung-galaxy-s25-accuracy",)
    assert (chosen.runtime, chosen.licence) == ("litert", "BSD-3-Clause")  # no unit is stated
    alone = [r.name for r in aihub.values() if isinstance(r, Model) and len(r.performance or ()) == 1]
    assert sum(f"Performance:{name}-run" not in aihub for name in alone) == 9


def test_stand_in_and_its_repeat_are_one_run(aihub: Records) -> None:
    repeat = performance(aihub, "mobilenet_v2-float-tflite-sa7255p-adp-run")
    assert repeat.same_run_as == "aihub-mobilenet_v2-float-tflite-qcs8275-proxy-run"
    original = performance(aihub, "mobilenet_v2-float-tflite-qcs8275-proxy-run")
    assert repeat.inference_latency_ms == original.inference_latency_ms
    assert original.same_run_as is None
    runs = [r for n, r in aihub.items() if n.endswith("sa7255p-adp-run") and isinstance(r, Performance)]
    assert all(r.same_run_as for r in runs)
    assert set(SAME_RUN) == {"SA7255P ADP"}


def test_device_table_gives_release_and_chipset_only(aihub: Records) -> None:
    assert aihub["Device:samsung-galaxy-s24"] == Device(
        name="samsung-galaxy-s24",
        os_release="Android 14",
        chipset="qualcomm-snapdragon-8gen3",
        vendor="samsung",
        form_factor="Phone",
    )


def test_trained_network_says_what_is_certain(aihub: Records) -> None:
    assert aihub["TrainedNetwork:aihub-mobilenet_v2"] == TrainedNetwork(
        name="aihub-mobilenet_v2",
        label="MobileNet-v2 (AI Hub)",
        network="mobilenet-v2",
        training_data_set="imagenet",
        weights_name="Imagenet",
        input_shape="224x224",
        parameters=3_490_000,
    )
    movenet = aihub["TrainedNetwork:aihub-movenet"]
    assert isinstance(movenet, TrainedNetwork)
    assert movenet.weights_name is None  # printed as "None"


def test_every_profiled_variant_is_one_model(aihub: Records, rows: Rows) -> None:
    variants = {(r["model_id"], r["precision"], r["runtime"], r["device"]) for _, r in table(FACTS, "aihub_perf.csv")}
    assert len(variants) == 6304
    assert sum(isinstance(r, Model) for r in aihub.values()) == 6304 + 9 + 47  # and the language models
    merged = [r for r in rows["aihub-0.46.1"] if r.outcome == "merged"]
    assert {row.reason for row in merged} == {"a further component of a model that runs in several parts"}


def test_counts_as_printed() -> None:
    assert [count(text) for text in ("3.49M", "878K", "110M", "91", "41.26M")] == [
        3_490_000,
        878_000,
        110_000_000,
        91,
        41_260_000,
    ]


@given(st.integers(min_value=0, max_value=10**6))
def test_a_thousand_k_are_one_m(thousands: int) -> None:
    assert count(f"{thousands}K") == thousands * 1000
    assert count(f"{thousands * 1000}K") == count(f"{thousands}M")
