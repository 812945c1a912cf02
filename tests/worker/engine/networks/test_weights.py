"""The real fetching code, on weights of the right shape that the test makes and serves on loopback."""

import hashlib
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tests.commons import CHANGED_S, serving
from tests.worker.engine.conftest import MODELS, draw_painting, draw_photo
from worker.engine import ExtractorUnavailableError, fetch_weights, load_extractor

CPU = torch.device("cpu")
# The convolutions of each block, as Simonyan and Zisserman's table 1 counts them (columns E and D).
COUNTS = {"vgg19": (2, 2, 4, 4, 4), "vgg16": (2, 2, 3, 3, 3)}


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Served(NamedTuple):
    """A .pth file with a VGG's names and shapes on loopback, and torchvision's network with the same weights."""

    name: str
    url: str
    digest: str
    features: nn.Sequential

    def activations(self, images: Tensor) -> dict[str, Tensor]:
        """Every layer's activations by torchvision's own layers, with reflection padding and average pooling."""
        names = iter(
            f"relu{block}_{number + 1}" for block, count in enumerate(COUNTS[self.name], 1) for number in range(count)
        )
        found = {}
        x = torchvision.transforms.functional.normalize(images, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        for layer in self.features:
            x = nn.functional.avg_pool2d(x, 2) if isinstance(layer, nn.MaxPool2d) else layer(x)
            if isinstance(layer, nn.ReLU):
                found[next(names)] = x
        return found


@pytest.fixture(scope="module", params=["vgg19", "vgg16"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    name = request.param
    folder = tmp_path_factory.mktemp("served")
    torch.manual_seed(0)
    features = getattr(torchvision.models, name)(weights=None).features.requires_grad_(False)
    torch.save({f"features.{key}": value for key, value in features.state_dict().items()}, folder / f"{name}.pth")
    digest = hashlib.sha256((folder / f"{name}.pth").read_bytes()).hexdigest()
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            layer.padding_mode = "reflect"
            layer._reversed_padding_repeated_twice = [1, 1, 1, 1]
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Served(name, f"http://127.0.0.1:{server.server_address[1]}/{name}.pth", digest, features)
        server.shutdown()
        thread.join()


def test_fetched_weights_compute_what_torchvisions_own_network_does(served: Served, tmp_path: Path) -> None:
    progress: list[tuple[int, int]] = []
    path = fetch_weights(
        served.name, tmp_path, lambda *counts: progress.append(counts), served.url, served.digest[:8], calibration=[]
    )
    assert progress[-1][0] == progress[-1][1] > 50_000_000
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_size < 81_000_000

    extractor = load_extractor(served.name, MODELS, tmp_path, CPU, torch.float32)
    images = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(1))
    found, expected = extractor(images, extractor.layers), served.activations(images)
    assert list(found) == list(expected)
    for layer, activations in expected.items():
        torch.testing.assert_close(found[layer], activations, rtol=1e-4, atol=1e-5)


def test_normalised_layers_have_mean_one_and_differ_by_a_factor_only(served: Served, tmp_path: Path) -> None:
    pictures = [draw_photo(), draw_painting(120, 100)]
    fetch_weights(served.name, tmp_path, None, served.url, served.digest, calibration=pictures)
    extractor = load_extractor(served.name, MODELS, tmp_path, CPU, torch.float32)
    each = [
        extractor(torchvision.transforms.functional.to_tensor(picture)[None], extractor.layers) for picture in pictures
    ]
    images = torch.rand(1, 3, 40, 56, generator=torch.Generator().manual_seed(2))
    found, expected = extractor(images, extractor.layers), served.activations(images)
    for layer in extractor.layers:
        assert sum(taps[layer].mean().item() for taps in each) / len(each) == pytest.approx(1, abs=6e-3)
        factor = found[layer].norm() / expected[layer].norm()
        torch.testing.assert_close(found[layer], factor * expected[layer], rtol=1e-3, atol=1e-4)


def test_weights_that_are_there_are_not_fetched_again(served: Served, tmp_path: Path) -> None:
    path = fetch_weights(served.name, tmp_path, None, served.url, served.digest, calibration=[])
    assert fetch_weights(served.name, tmp_path, None, served.url + ".gone", "ffffffff", calibration=[]) == path


def test_a_download_that_was_cut_off_is_gone_on_with(served: Served, tmp_path: Path) -> None:
    with urlopen(served.url) as response, serving() as server:
        content = server.files["weights"] = response.read()
        half = len(content) // 2
        partial = tmp_path / f"{served.name}.pth.partial"
        partial.write_bytes(content[:half])
        os.utime(partial, (CHANGED_S, CHANGED_S))
        path = fetch_weights(served.name, tmp_path, None, f"{server.site}/thumb/weights", served.digest, calibration=[])
    assert [asked.headers["Range"] for asked in server.asked] == [f"bytes={half}-"]
    assert list(tmp_path.iterdir()) == [path]


def test_weights_without_the_deeper_layers_must_be_fetched_again(served: Served, tmp_path: Path) -> None:
    path = fetch_weights(served.name, tmp_path, None, served.url, served.digest, calibration=[])
    whole = load_file(path)
    save_file({key: value for key, value in whole.items() if not key.startswith("blocks.relu5_")}, path)
    with pytest.raises(ExtractorUnavailableError, match=f"Fetch it again with `atelier fetch {served.name}`"):
        load_extractor(served.name, MODELS, tmp_path, CPU)
    fetch_weights(served.name, tmp_path, None, served.url, served.digest, calibration=[])
    assert set(load_file(path)) == set(whole)


def test_a_file_with_another_hash_is_refused_and_leaves_nothing(served: Served, tmp_path: Path) -> None:
    with pytest.raises(ExtractorUnavailableError, match="SHA-256"):
        fetch_weights(served.name, tmp_path, None, served.url, "ffffffff", calibration=[])
    assert list(tmp_path.iterdir()) == []


def test_the_other_networks_file_is_refused_even_with_its_own_hash(served: Served, tmp_path: Path) -> None:
    other = "vgg16" if served.name == "vgg19" else "vgg19"
    with pytest.raises(ExtractorUnavailableError, match="convolutions instead of"):
        fetch_weights(other, tmp_path, None, served.url, served.digest, calibration=[])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_server_is_an_error_that_says_what_to_do(served: Served, tmp_path: Path) -> None:
    with pytest.raises(ExtractorUnavailableError, match="Check the connection"):
        fetch_weights(served.name, tmp_path, None, served.url + ".gone", "ffffffff", calibration=[])
    assert list(tmp_path.iterdir()) == []


def test_weights_that_nobody_offers_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="vgg19, vgg16"):
        fetch_weights("compact", tmp_path, calibration=[])
