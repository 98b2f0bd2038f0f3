"""What DataLoader consists of. Programs import `_utils.collate`, so it has torch's name."""

from tapegrad.utils.data._utils import collate, fetch, worker

__all__ = ["collate", "fetch", "worker"]
