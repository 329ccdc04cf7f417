"""How a query was answered: stages that tell what they did and how long it took, and the tree that shows them."""

from .explanation import Explanation
from .trace import UNTRACED, Trace

__all__ = ["UNTRACED", "Explanation", "Trace"]
