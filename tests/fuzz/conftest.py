"""What pytest looks at here: the meanings by PyTorch can only be imported where it is installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["by_torch.py"]
