"""ResNets for CIFAR-10, as He et al. (arXiv 1512.03385, section 4.2) define them."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from benchmarks.models.data import FOLDER


class Same(nn.Module):
    """Padding of a 3×3 convolution of stride 2 on the right and at the bottom only."""

    def forward(self, x: Tensor) -> Tensor:
        return pad(x, (0, 1, 0, 1))


class EveryOther(nn.Module):
    """A shortcut without weights: every other pixel, new channels are 0."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.half = channels // 2

    def forward(self, x: Tensor) -> Tensor:
        return pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.half, self.half))


class Block(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, stride: int, *, tiny: bool, norm: bool
    ) -> None:
        super().__init__()
        self.pad = Same() if tiny and stride == 2 else nn.Identity()
        padding = 0 if tiny and stride == 2 else 1
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding, bias=tiny)
        self.bn1 = _norm(outputs, tiny=tiny, norm=norm)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=tiny)
        self.bn2 = _norm(outputs, tiny=tiny, norm=norm)
        self.shortcut: nn.Module = nn.Identity()
        if tiny and stride == 2:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride)
        elif stride == 2:
            self.shortcut = EveryOther(outputs - inputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(self.pad(x))).relu()
        return (self.bn2(self.conv2(y)) + self.shortcut(x)).relu()


class CifarResNet(nn.Module):
    """A ResNet of three stages.

    Parameters
    ----------
    blocks : int
        Of a stage; 3 makes ResNet-20.
    width : int
        Channels of the first stage.
    tiny : bool
        MLPerf Tiny's variant: convolutions have a bias, shortcuts are convolutions.
    norm : bool
        Whether convolutions are followed by batch norm.
    """

    def __init__(
        self, blocks: int, width: int = 16, *, tiny: bool = False, norm: bool = True
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=tiny)
        self.bn1 = _norm(width, tiny=tiny, norm=norm)
        stages, inputs = [], width
        for stage in range(3):
            outputs = width << stage
            made = []
            for i in range(blocks):
                stride = 2 if stage and i == 0 else 1
                made.append(Block(inputs, outputs, stride, tiny=tiny, norm=norm))
                inputs = outputs
            stages.append(nn.Sequential(*made))
        self.layer1, self.layer2, self.layer3 = stages
        self.linear = nn.Linear(inputs, 10)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(x)).relu()
        y = self.layer3(self.layer2(self.layer1(y)))
        return self.linear(y.mean(dim=(2, 3)))


def _norm(channels: int, *, tiny: bool, norm: bool) -> nn.Module:
    return (
        nn.BatchNorm2d(channels, eps=1e-3 if tiny else 1e-5) if norm else nn.Identity()
    )


def load_resnet(name: str = "resnet20", folder: Path = FOLDER) -> CifarResNet:
    """Return a trained ResNet in evaluation mode.

    Parameters
    ----------
    name : str
        ``"resnet20"``, ``"resnet32"``, ``"resnet44"``, ``"resnet56"``, whose inputs are
        `normalize(images)`; ``"resnet8"``, ``"resnet8wide"``: ``images.float()``.
    folder : Path
        Holds ``{name}_cifar10.pt``, a dictionary of tensors, or a file as its authors
        publish it, like ``resnet20-12fca82f.th``.
    """
    if name == "resnet8":
        model = CifarResNet(1, tiny=True)
    elif name == "resnet8wide":
        model = CifarResNet(1, 40, tiny=True, norm=False)
    else:
        model = CifarResNet((int(name.removeprefix("resnet")) - 2) // 6)
    path = next(folder.glob(f"{name}-*.th"), folder / f"{name}_cifar10.pt")
    stored = torch.load(path, map_location="cpu", weights_only=True)
    state = {
        key.removeprefix("module."): value
        for key, value in stored.get("state_dict", stored).items()
    }
    missing, unexpected = model.load_state_dict(state, strict=False)
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    assert not missing, missing
    assert not unexpected, unexpected
    return model.eval()
