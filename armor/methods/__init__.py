"""Methods: a per-sample loss, the transport that attacks it, an objective, and the natural-loss mixture."""

from armor.methods.base import Method, StepResult
from armor.methods.factory import method, names
from armor.methods.mart import Mart
from armor.methods.pgd import Pgd
from armor.methods.trades import Trades
from armor.methods.udr import Udr

__all__ = ["Mart", "Method", "Pgd", "StepResult", "Trades", "Udr", "method", "names"]
