"""What tokens cost: list prices, measured seconds, and joules above idle."""

import sys
import time
import types

import pytest

from curves.sampling.machine import EnergyMeter, describe_device, versions
from curves.tables.prices import Tariff, measured_usd_per_mtok, read_prices, total_usage

BATCH = {
    "device_seconds": 10.0, "prefill_seconds": 1.0, "decode_seconds": 8.0, "prompt_tokens": 50,
    "generated_tokens": 1000, "joules": None,
}  # fmt: skip


def test_measured_cost_is_the_hourly_price_over_the_tokens():
    assert measured_usd_per_mtok([BATCH, BATCH], 3.6) == pytest.approx(3.6 / 3600 * 20 / 2000 * 1e6)
    assert measured_usd_per_mtok([BATCH], None) is None
    assert measured_usd_per_mtok([], 3.6) is None


def test_a_sum_with_a_missing_number_is_missing():
    total = total_usage([BATCH | {"joules": 5.0}, BATCH | {"decode_seconds": None, "joules": 2.0}])
    assert total["joules"] == 7
    assert total["prefill_seconds"] == 2
    assert total["decode_seconds"] is None


def test_prices_are_found_by_full_or_short_name(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("model,price_usd_per_mtok,note\norg/a,0.5,\norg/b,1,\nother/b,2,\n")
    assert read_prices(path, ["org/a", "a"]) == {"org/a": Tariff(0.5), "a": Tariff(0.5)}
    assert read_prices(path, ["org/b"]) == {"org/b": Tariff(1.0)}
    for model, number in (("b", 2), ("c", 0)):
        with pytest.raises(ValueError, match=f"{number} prices for '{model}'"):
            read_prices(path, [model])
    path.write_text("name,price\na,1\n")
    with pytest.raises(ValueError, match="needs the columns model and price_usd_per_mtok"):
        read_prices(path, ["a"])


def test_energy_is_what_the_counters_show_above_idle(monkeypatch):
    """Two stand-in GPUs that draw 100 W each when idle; then one of them takes 50 J more."""
    clock, extra = [0.0], [0.0]
    nvml = types.SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda i: i,
        nvmlDeviceGetTotalEnergyConsumption=lambda i: 1000 * (100 * clock[0] + extra[0] * (i == 1)),
        nvmlDeviceGetName=lambda handle: "a GPU",
        nvmlSystemGetDriverVersion=lambda: "1.0",
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    meter = EnergyMeter("cuda", count=2)
    assert meter.idle_watts == pytest.approx(200)
    clock[0] += 5
    extra[0] += 50
    assert meter.lap() == pytest.approx(50)
    clock[0] += 1
    assert meter.lap() == pytest.approx(0)
    assert describe_device("cuda", 2) == {"kind": "cuda", "name": "a GPU", "count": 2, "driver": "1.0"}


def test_a_cpu_has_no_energy_counter():
    assert EnergyMeter("cpu").lap() is None
    device = describe_device("cpu", 1)
    assert device["driver"] is None
    assert "cores" in device["name"]
    assert "numpy" in versions()


def test_a_gpu_that_cannot_be_read_is_one_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    for ask in (EnergyMeter, lambda kind: describe_device(kind, 1)):
        with pytest.raises(ValueError, match=r"needs an NVIDIA GPU and nvidia-ml-py .*--device cpu"):
            ask("cuda")
