"""The image transformation network: its notation, its norms, tiles against the whole, and its file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load, save_file
from torch import nn

from tests.worker.engine.conftest import draw_photo
from worker.engine import NetworkFormatError, Room, TooLargeError, TransformNet, load_transform_net, transferred
from worker.engine.feedforward import HELD_BYTES, tile_for
from worker.engine.networks.transform_net import ARCH, FORMAT, About, InstanceNorm, Moments, plan_of
from worker.engine.room import KERNEL_BYTES

SMALL = "c9s1-4,d6,d8,R8×2,u6,u4,c9s1-3"


def small(arch: str = SMALL) -> TransformNet:
    """A network with random weights whose norms differ from one another."""
    torch.manual_seed(1)
    network = TransformNet(About(arch=arch))
    for norm in network.norms:
        assert isinstance(norm, InstanceNorm)
        nn.init.normal_(norm.weight, 1.0, 0.3)
        nn.init.normal_(norm.bias, 0.0, 0.3)
    return network.requires_grad_(False)


def test_the_published_notation_is_the_published_network() -> None:
    # Johnson et al.'s supplementary material: 9×9 to 32, two of stride 2, five residual blocks of 128, back again.
    published = plan_of("c9s1-32,d64,d128,R128,R128,R128,R128,R128,u64,u32,c9s1-3")
    assert [shape[2:] for shape in published.shapes] == [
        (3, 32), (32, 64), (64, 128), *[(128, 128)] * 10, (128, 64), (64, 32), (32, 3),
    ]  # fmt: skip
    assert [shape.kernel for shape in published.shapes] == [9, *[3] * 14, 9]
    assert [shape.stride for shape in published.shapes] == [1, 2, 2, *[1] * 13]
    assert published.widths == (32, 64, 128, *[128] * 10, 64, 32)
    assert plan_of("c9s1-32, d64, d128, R128x5, U2, c3s1-64, U2, c3s1-32, c9s1-3") == published
    assert plan_of("c9s1-32,C8,c9s1-3").widths == (32, 8, 8)


def test_the_usual_one_has_half_the_filters_and_fits_into_two_megabytes() -> None:
    parameters = sum(values.numel() for values in TransformNet().parameters())
    assert 2 * parameters < 2_000_000
    assert plan_of(ARCH).widths[0] == 16


@pytest.mark.parametrize(
    ("arch", "told"),
    [
        ("", "is no layer"),
        ("c9s1", "'c9s1'"),
        ("c9s1-8,x8,c9s1-3", "'x8'"),
        ("c9s1-8,d16,f3-8,c9s1-3", "checkerboard"),
        ("c9s1-8,R16,c9s1-3", "write R8"),
        ("c9s1-8,d16,c9s1-3", "1/2"),
        ("c9s1-8,u16,c9s1-3", "u16"),
        ("c9s1-8,U0,c9s1-3", "U0"),
        ("c9s1-8", "with 8"),
        ("c9s1-8,d8,c3s1-3,U2", "end in a convolution"),
        ("c8s1-8,c9s1-3", "odd kernel"),
        ("c9s3-8,c9s1-3", "stride 1, 2 or 4"),
        ("c9s1-0,c9s1-3", "c9s1-0"),
        ("c9s1-9999,c9s1-3", "512"),
        ("c9s1-8,R8×99999,c9s1-3", "is no layer"),
        ("c9s1-8,R8×70,c9s1-3", "64"),
        ("c9s1-8,R8×0,c9s1-3", "64"),
        ("c3s4-8,c3s4-8,d8,U32,c9s1-3", "16"),
        ("c3s4-8,c3s2-8,c9s1-8,U8,c9s1-3", "small photo"),
    ],
)
def test_what_is_no_architecture_is_refused_by_its_layer(arch: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        plan_of(arch)


def test_the_norm_is_torchs_and_of_known_moments_the_same() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 13, 17) * 3 + 1
    ours, theirs = InstanceNorm(5), nn.InstanceNorm2d(5, eps=1e-5, affine=True)
    for norm in (ours, theirs):
        norm.weight.data, norm.bias.data = torch.arange(1.0, 6), torch.linspace(-1, 1, 5)
    assert torch.allclose(ours(x), theirs(x), atol=1e-5)
    assert torch.allclose(ours.eval()(x), theirs.eval()(x), atol=1e-5), "also when nothing is trained"
    first = x[:1]
    known = Moments(first.mean((2, 3), keepdim=True), first.var((2, 3), correction=0, keepdim=True))
    assert torch.allclose(ours(first, known), theirs(first), atol=1e-5)


@pytest.mark.parametrize("size", [(40, 32), (61, 47), (63, 98), (33, 34)])
def test_sides_may_be_any(size: tuple[int, int]) -> None:
    network = small()
    pixels = torch.rand(2, 3, size[1], size[0])
    drawn = network(pixels)
    assert drawn.shape == pixels.shape
    assert drawn.min() > 0
    assert drawn.max() < 1
    # Nothing of one picture is in another's.
    assert torch.allclose(network(pixels[1:]), drawn[1:], atol=1e-5)


def test_missing_rows_and_columns_mirror_those_before() -> None:
    pixels = torch.arange(3 * 6 * 7, dtype=torch.uint8).view(1, 3, 6, 7)
    padded = small().padded(pixels)
    assert padded.dtype == torch.uint8
    expected = torch.nn.functional.pad(pixels.float(), (0, 1, 0, 2), mode="reflect")
    assert torch.equal(padded.float(), expected)


def test_a_pixel_depends_on_nothing_beyond_the_halo() -> None:
    network = small("c9s1-4,d6,d8,R8,u6,c5s1-6,U2,c3s1-4,c9s1-3").double()
    pixels = torch.rand(1, 3, 160, 160, dtype=torch.float64, requires_grad=True)
    shapes = [(1, width, 1, 1) for width in network.plan.widths]
    known = [Moments(torch.zeros(shape).double(), torch.full(shape, 0.1).double()) for shape in shapes]
    for place in (80, 83):
        drawn = network.run(pixels, known)[0, :, place, place].sum()
        (gradient,) = torch.autograd.grad(drawn, pixels)
        places = gradient[0].abs().sum(0).nonzero()
        assert 20 < (places - place).abs().max() <= network.halo


@pytest.mark.parametrize("size", [(290, 270), (403, 161)])
def test_tiles_are_the_whole(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    network, photo = small("c9s1-4,d6,d8,R8,u6,u4,c9s1-3").double(), draw_photo(*size)
    whole = transferred(photo, network, max(size), dtype=torch.float64)
    shares: list[float] = []
    monkeypatch.setattr("worker.engine.feedforward.tile_for", lambda *_: 128)
    tiled = transferred(photo, network, max(size), watch=shares.append, dtype=torch.float64)
    assert torch.allclose(whole, tiled, atol=1e-6)
    assert whole.std() > 0.01
    passes = len(network.norms) + 1
    assert len(shares) > 2 * passes
    assert shares == sorted(shares)
    assert shares[-1] == 1
    alone = transferred(photo.crop((0, 0, 128, 128)), network, 128, dtype=torch.float64)
    # A tile with statistics of its own is another picture: what tiles without the first passes would be.
    assert (alone[..., :64, :64] - whole[..., :64, :64]).abs().max() > 0.01


def test_little_room_makes_tiles_and_too_little_says_what_it_takes(tmp_path: Path) -> None:
    network, photo = small(), draw_photo(600, 400)
    assert tile_for(network, 600, 400, Room(10**10, tmp_path)) is None
    enough = KERNEL_BYTES + HELD_BYTES * 600 * 400 + 40_000_000
    tile = tile_for(network, 600, 400, Room(enough, tmp_path))
    assert tile
    assert 128 <= tile < 600
    room = Room(enough, tmp_path)
    whole, tiled = (transferred(photo, network, 600, each, dtype=torch.float32) for each in (None, room))
    assert torch.allclose(whole, tiled, atol=1e-3)
    with pytest.raises(TooLargeError) as refused:
        tile_for(network, 600, 400, Room(KERNEL_BYTES, tmp_path))
    assert tile_for(network, 600, 400, Room(refused.value.needed_bytes + 1, tmp_path)) is not None


def test_a_ribbon_is_painted_as_wide_as_a_network_can_see() -> None:
    assert transferred(Image.new("RGB", (640, 8), "teal"), small(), 64).shape == (1, 3, 32, 2560)


def test_a_file_says_what_it_is_of_and_gives_the_same_picture(tmp_path: Path) -> None:
    network, path = small(), tmp_path / "net.safetensors"
    about = About(SMALL, "The Starry Night", "Vincent van Gogh", "a museum", "studio", "compact", "f" * 64, 512, 30, 60)
    network.save(path, about)
    kept = load_transform_net(path)
    assert kept.about == about
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode, "who may read it"
    (tmp_path / "other").unlink()
    assert len(kept.weights_hash) == 64
    photo = draw_photo()
    same, before = (transferred(photo, each, 160, dtype=torch.float32) for each in (kept, network))
    assert torch.allclose(same, before, atol=0.01)
    assert [each.name for each in tmp_path.iterdir()] == ["net.safetensors"]


def test_what_is_no_network_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    with pytest.raises(NetworkFormatError, match="not there"):
        load_transform_net(path)
    small().save(path, About(arch=SMALL))
    whole, weights = path.read_bytes(), load(path.read_bytes())

    def refused(told: str) -> None:
        with pytest.raises(NetworkFormatError, match=told) as error:
            load_transform_net(path)
        assert str(path) in str(error.value)

    path.write_bytes(whole[: len(whole) // 2])
    refused("damaged")
    path.write_bytes(b"")
    refused("damaged")
    path.write_text("no network at all")
    refused("damaged")
    save_file(weights, path)
    refused("no image transformation network")
    save_file(weights, path, metadata={"format": "atelier-transform-net-9"})
    refused("has the format atelier-transform-net-9")
    save_file(weights, path, metadata={"format": FORMAT, "arch": "c9s1-3"})
    refused("damaged")
    save_file(weights, path, metadata={"format": FORMAT, "arch": "many layers"})
    refused("no layer")
    save_file(weights, path, metadata={"format": FORMAT, "arch": SMALL, "steps": "many"})
    refused("many")
    weights["norms.0.bias"] = torch.full((4,), float("nan"), dtype=torch.float16)
    save_file(weights, path, metadata={"format": FORMAT, "arch": SMALL})
    refused("finite")
