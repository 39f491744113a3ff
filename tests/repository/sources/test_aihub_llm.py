"""AI Hub's language models: tokens a second and the time to the first one."""

from collections.abc import Mapping

from ontology.records import Model, Performance, Record, TrainedNetwork


def test_a_language_model_on_a_phone(aihub: Mapping[str, Record]) -> None:
    """Llama-v2-7B-Chat on the Galaxy S24: 12.85 tokens a second, the first after 1495.83 ms, 1024 tokens."""
    name = "aihub-llama_v2_7b_chat-w4a16-qnn_context_binary-samsung-galaxy-s24"
    model, run = aihub[f"Model:{name}"], aihub[f"Performance:{name}-run"]
    assert isinstance(model, Model)
    assert isinstance(run, Performance)
    assert (model.network, model.optimization, model.runtime) == ("llama-2-7b", "w4a16", "qnn-context-binary")
    assert (model.purpose, model.licence) == ("text-generation", None)
    assert (run.tokens_per_s, run.time_to_first_token_ms, run.context_length) == (12.85, 1495.83, 1024)
    assert (run.inference_latency_ms, run.throughput_per_s) == (None, None)


def test_the_first_token_is_that_of_the_shortest_prompt(aihub: Mapping[str, Record]) -> None:
    run = aihub["Performance:aihub-phi_3_5_mini_instruct-w4a16-qnn_context_binary-samsung-galaxy-s24-run"]
    assert isinstance(run, Performance)
    assert run.time_to_first_token_ms == 146.9056
    assert "146.9056 to 4700.9792 ms" in (run.source_detail or "")


def test_networks_trained_further_that_print_the_same_figures_say_so(aihub: Mapping[str, Record]) -> None:
    original, japanese = (
        aihub[f"Performance:aihub-{model}-w4a16-genie-snapdragon-x-elite-crd-run"]
        for model in ("llama_v3_8b_instruct", "llama_v3_elyza_jp_8b")
    )
    assert isinstance(original, Performance)
    assert isinstance(japanese, Performance)
    assert original.tokens_per_s == japanese.tokens_per_s == 10.0367
    assert "the same figures are printed for" in (japanese.source_detail or "")
    networks = [aihub[f"TrainedNetwork:aihub-{n}"] for n in ("llama_v3_8b_instruct", "llama_v3_elyza_jp_8b")]
    assert {n.network for n in networks if isinstance(n, TrainedNetwork)} == {"llama-3-8b"}
