"""The real loading code, on VGG-19 weights of the right shape that the test makes and serves on loopback."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from tests.worker.engine.conftest import MODELS
from worker.engine import Extractor, ExtractorUnavailableError, fetch_vgg19, load_extractor
from worker.engine.extractors import COMPACT_FILE, LAYERS

CPU = torch.device("cpu")
# Where torchvision's features hold the ReLU of each layer that we tap.
TORCHVISION_INDEX = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "relu4_2": 22, "relu5_1": 29}


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def features() -> nn.Sequential:
    torch.manual_seed(0)
    return torchvision.models.vgg19(weights=None).features


@pytest.fixture(scope="module")
def served(features: nn.Sequential, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """URL and SHA-256 of a .pth file with VGG-19's names and shapes, served on loopback."""
    folder = tmp_path_factory.mktemp("served")
    torch.save({f"features.{name}": value for name, value in features.state_dict().items()}, folder / "vgg19.pth")
    digest = hashlib.sha256((folder / "vgg19.pth").read_bytes()).hexdigest()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/vgg19.pth", digest
        server.shutdown()
        thread.join()


def test_fetched_vgg19_computes_what_torchvisions_own_network_does(
    served: tuple[str, str], features: nn.Sequential, tmp_path: Path
) -> None:
    url, digest = served
    progress: list[tuple[int, int]] = []
    path = fetch_vgg19(tmp_path, lambda done, total: progress.append((done, total)), url, digest[:8])
    assert progress[-1][0] == progress[-1][1] > 50_000_000
    assert [each.name for each in tmp_path.iterdir()] == [path.name]

    extractor = load_extractor("vgg19", MODELS, tmp_path, CPU, torch.float32)
    images = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(1))
    taps = extractor(images)
    reference = torchvision.transforms.functional.normalize(images, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    for index, layer in enumerate(features):
        if isinstance(layer, nn.Conv2d):
            layer.padding_mode = "reflect"
            layer._reversed_padding_repeated_twice = [1, 1, 1, 1]
        reference = nn.functional.avg_pool2d(reference, 2) if isinstance(layer, nn.MaxPool2d) else layer(reference)
        for name, at in TORCHVISION_INDEX.items():
            if at == index:
                torch.testing.assert_close(taps[name], reference, rtol=1e-4, atol=1e-5)
        if index == max(TORCHVISION_INDEX.values()):
            break


def test_a_file_with_another_hash_is_refused_and_leaves_nothing(served: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(ExtractorUnavailableError, match="SHA-256"):
        fetch_vgg19(tmp_path, None, served[0], "ffffffff")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_server_is_an_error_that_says_what_to_do(served: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(ExtractorUnavailableError, match="Check the connection"):
        fetch_vgg19(tmp_path, None, served[0] + ".gone", "ffffffff")
    assert list(tmp_path.iterdir()) == []


def test_asking_for_vgg19_without_weights_says_how_to_fetch_them(tmp_path: Path) -> None:
    with pytest.raises(ExtractorUnavailableError, match="atelier fetch-vgg19"):
        load_extractor("vgg19", MODELS, tmp_path, CPU)


def test_truncated_weights_are_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / COMPACT_FILE).write_bytes((MODELS / COMPACT_FILE).read_bytes()[:100_000])
    with pytest.raises(ExtractorUnavailableError, match="fetch it again"):
        load_extractor("compact", tmp_path, tmp_path, CPU)


def test_auto_is_compact_where_cuda_or_the_weights_are_missing(tmp_path: Path) -> None:
    assert load_extractor("auto", MODELS, tmp_path, CPU).name == "compact"


def test_an_unknown_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="resnet"):
        load_extractor("resnet", MODELS, tmp_path, CPU)


def test_compact_is_small_and_halves_the_picture_four_times(extractor: Extractor) -> None:
    assert sum(parameter.numel() for parameter in extractor.network.parameters()) < 1_000_000
    assert (MODELS / COMPACT_FILE).stat().st_size <= 4_000_000
    taps = extractor(torch.rand(1, 3, 64, 96))
    assert tuple(taps) == LAYERS
    assert [tuple(tap.shape[1:]) for tap in taps.values()] == [
        (16, 64, 96), (32, 32, 48), (64, 16, 24), (128, 8, 12), (128, 8, 12), (128, 4, 6),
    ]  # fmt: skip
